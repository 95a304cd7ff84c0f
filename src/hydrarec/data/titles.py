"""Item titles: extract release years and find items by a typed title."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property

from rapidfuzz import fuzz, process

from hydrarec.core.errors import DataError
from hydrarec.data.ids import IdMap

SHOWN = 8  # titles listed if several match
NEAREST = 3  # titles suggested if none matches
CUTOFF = 60  # similarity in per cent below which a title is not suggested

# "(1995)", "(2006–2007)", "(1998–)": the last one in a title counts; remarks like "(TV)" may follow it.
_YEAR = re.compile(r"\(\s*((?:18|19|20)\d\d)\s*(?:[-‐-―]\s*(?:\d{2,4})?\s*)?\)")
_MARKS = re.compile(r"[\W_]+")
_GROUP = re.compile(r"\(([^()]*)\)")
_ALSO = re.compile(r"^a\.?k\.?a\.?:?\s+", re.IGNORECASE)
_ARTICLES = (
    *("the", "a", "an", "le", "la", "les", "l'", "un", "une", "el", "los", "las", "il", "lo", "gli", "i"),
    *("der", "die", "das", "ein", "eine", "de", "het", "den", "det", "en", "o", "os", "as"),
)
_TRAILING_ARTICLE = re.compile(rf"^(?P<name>.+), (?P<article>{'|'.join(_ARTICLES)})$", re.IGNORECASE)
_LEADING_ARTICLE = re.compile(
    rf"^(?:(?:{'|'.join(a for a in _ARTICLES if not a.endswith(chr(39)))}) |l['’])(?=.)", re.I
)
_UNDECOMPOSED = str.maketrans({"ø": "o", "đ": "d", "ł": "l", "æ": "ae", "œ": "oe", "ı": "i"} | dict.fromkeys("'’‘`´"))


def release_year(title: str) -> int | None:
    """The year in brackets in a title (``Toy Story (1995)``), the first year of a span; None without a year."""
    year = _parted(title)[1]
    return int(year) if year else None


def folded(text: str) -> str:
    """Normalise text for comparison: lower case, no accents, apostrophes or punctuation, single spaces."""
    if not text.isascii():
        text = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    text = text.casefold().translate(_UNDECOMPOSED)
    words = _MARKS.sub(" ", text).split()
    return " ".join(words) or " ".join(text.split())  # a title of punctuation only is kept


class TitleIndex:
    """Finds an item by raw id or by title.

    Args:
        titles: title of each item index; None if the data have no titles.
        item_ids: raw ids of the items.

    The raw id is tried first, then the title, ignoring case, accents and punctuation: an exact match beats a prefix,
    which beats a substring. The year may be omitted, the article may come first or be omitted (``The Matrix`` for
    ``Matrix, The (1999)``), and a second title in brackets counts too (``Seven (a.k.a. Se7en) (1995)``). A title that
    looks like a known id needs its year, ``300 (2007)``.
    """

    def __init__(self, titles: Sequence[str] | None, item_ids: IdMap) -> None:
        self.titles, self.item_ids = titles, item_ids

    def index_of(self, typed: int | str, *, setting: str = "item") -> int:
        """The index of the item that best matches ``typed``.

        ``setting`` is the name of the option that holds ``typed``, for error messages.

        Raises:
            DataError: several items match equally well (up to 8 are listed with their ids), or none matches (the nearest
                titles are listed).
        """
        by_id = self._index_of_id(str(typed).strip())
        if by_id is not None:
            return by_id
        matches = self._matches(str(typed)) if self.titles else []
        if len(matches) == 1:
            return matches[0]
        raise self._ambiguous(typed, matches, setting) if matches else self._unknown(typed, setting)

    def _index_of_id(self, text: str) -> int | None:
        if not self.item_ids.are_integers:
            return self.item_ids.index_of(text) if text in self.item_ids else None
        if not re.fullmatch(r"[+-]?\d{1,18}", text) or int(text) not in self.item_ids:
            return None
        return self.item_ids.index_of(int(text))

    def _matches(self, typed: str) -> list[int]:
        """The items found by the best kind of match that finds any."""
        asked, bare = _asked(typed), _asked(_without_article(typed))
        kinds: tuple[tuple[Callable[[str, str], bool], list[tuple[str, str]]], ...] = (
            (str.__eq__, asked),
            (str.__eq__, bare),
            (str.startswith, asked),
            (str.__contains__, asked),
        )
        whole = _key(typed)
        matches = [index for index, (key, _, _) in enumerate(self._names) if key == whole]
        for fits, meanings in kinds:
            matches = matches or [
                index
                for index, (_, year, names) in enumerate(self._names)
                if any(when in ("", year) and any(fits(name, text) for name in names) for text, when in meanings)
            ]
        return matches

    @cached_property
    def _names(self) -> list[tuple[str, str, tuple[str, ...]]]:
        """For each item: the key of its full title, the year or ``""``, and its folded names."""
        return [(_key(title), _parted(title)[1], _names_of(title)) for title in self.titles or ()]

    def _listed(self, indices: Sequence[int]) -> str:
        """List the titles of the given items with their ids."""
        assert self.titles is not None
        return "; ".join(f"{self.titles[index]} [{self.item_ids.raw[index]}]" for index in indices)

    def _ambiguous(self, typed: int | str, matches: Sequence[int], setting: str) -> DataError:
        more = f", and {len(matches) - SHOWN} more" if len(matches) > SHOWN else ""
        return DataError(
            f"{setting}: '{typed}' fits {len(matches)} titles",
            expected=f"one of {self._listed(matches[:SHOWN])}{more}",
            fix=f"add the year, or give the id in brackets: {setting}={self.item_ids.raw[matches[0]]}",
            value=str(typed),
        )

    def _unknown(self, typed: int | str, setting: str) -> DataError:
        close = self._nearest(str(typed)) if self.titles else []
        what, fix = (
            f"{setting}: '{typed}' is neither an id nor a title",
            "take a title or an id that occurs in the ratings",
        )
        if not self.titles:
            what = f"{setting}: there is no item '{typed}', and the data have no titles"
            expected = f"one of {len(self.item_ids)} ids, such as {self.item_ids.raw[0]}"
            fix = f"{setting}=<an id that occurs in the ratings>"
        elif close:
            expected, fix = self._listed(close), f"{setting}={self.item_ids.raw[close[0]]}"
        else:
            expected = f"one of {len(self.titles)} titles, or an id"
        return DataError(what, expected=expected, fix=fix, value=str(typed))

    def _nearest(self, typed: str) -> list[int]:
        """Indices of the titles most similar to ``typed`` without its year, most similar first."""
        name = next((words for words, _ in reversed(_asked(typed))), "")
        owners = {name: index for index, (_, _, names) in reversed(list(enumerate(self._names))) for name in names}
        closest = process.extract(name, owners.keys(), scorer=fuzz.ratio, score_cutoff=CUTOFF, limit=2 * NEAREST)
        return list(dict.fromkeys(owners[name] for name, _, _ in closest))[:NEAREST]


def _names_of(title: str) -> tuple[str, ...]:
    """The folded names of a title without its year: unchanged, with the article moved, and the second title."""
    plain = _parted(title)[0]
    seconds = [_ALSO.sub("", group.strip()) for group in _GROUP.findall(plain)]
    forms = (form for name in (plain, _GROUP.sub(" ", plain), *seconds) for form in _with_article(name.strip()))
    return tuple(dict.fromkeys(filter(None, map(folded, forms))))


def _asked(typed: str) -> list[tuple[str, str]]:
    """Possible readings as (folded name, year or ``""``): ``Blade Runner 2049`` is a name, or a name and a year."""
    name, year, _ = _parted(typed)
    if year:
        meant = [(folded(name), year)]
    else:
        meant = [(folded(typed), "")]
        words, _, last = meant[0][0].rpartition(" ")
        meant += [(words, last)] if release_year(f"({last})") else []
    return [(words, year) for words, year in meant if words]


def _key(text: str) -> str:
    """Fold the name and the year separately; otherwise the name of ``$ (1971)`` would be lost as punctuation."""
    return " ".join(part for part in map(folded, _parted(text)) if part)


def _parted(title: str) -> tuple[str, str, str]:
    """The text before the year, the year or ``""``, and the text after it."""
    years = list(_YEAR.finditer(title))
    if not years:
        return title, "", ""
    last = years[-1]
    return title[: last.start()], last[1], title[last.end() :]


def _with_article(name: str) -> Iterator[str]:
    """Variants of a name: ``Matrix, The`` gives itself, ``The Matrix`` and ``Matrix``; ``The Matrix`` gives ``Matrix``."""
    yield name
    match = _TRAILING_ARTICLE.match(name)
    if match:
        article = match["article"]
        yield f"{article}{'' if article.endswith(chr(39)) else ' '}{match['name']}"
        yield match["name"]
    elif (bare := _without_article(name)) != name:
        yield bare


def _without_article(text: str) -> str:
    return _LEADING_ARTICLE.sub("", text.strip()) or text
