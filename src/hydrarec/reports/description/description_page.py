"""``describe.md``: everything in one page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hydrarec.reports.description.description_subject import Subject
from hydrarec.reports.description.description_tables import Table
from hydrarec.reports.description.pictures import Picture
from hydrarec.reports.writers.markdown import escaped


@dataclass(frozen=True)
class Section:
    """A heading, words, and what stands below it: pictures by name; tables by name, each with what is said before it."""

    heading: str
    words: str
    pictures: tuple[str, ...]
    tables: dict[str, str]


SECTIONS = (
    Section("How much there is", "Users and items are those with ratings.", (), {"sizes": ""}),
    Section("Ratings", "", ("rating_histogram",), {"rating_histogram": ""}),
    Section(
        "Ratings per user and per item",
        "Top 1% and top 10%: the share of all ratings that belong to the users or items with most ratings. "
        "Gini: 0 if all have equally many, towards 1 the fewer have them all.",
        ("ratings_per_user", "ratings_per_item"),
        {"spread": ""},
    ),
    Section("Ratings over time", "", ("ratings_over_time",), {}),
    Section(
        "The most active users and the most rated items",
        "Of users or items with equally many ratings, those whose ids come first.",
        ("cross_tab",),
        {
            "cross_tab": "Users down, items across, both in the order of their ids:",
            "most_active_users": "The users, most ratings first:",
            "most_rated_items": "The items, most ratings first:",
        },
    ),
)


def page(subject: Subject, tables: Sequence[Table], pictures: Sequence[Picture], *, linked: bool) -> str:
    """The whole page as Markdown; without ``linked``, for where no other files can be reached, without pictures."""
    by_name = {table.name: table for table in tables}
    lines = [f"# {escaped(subject.name)}", "", *_about(subject)]
    for section in SECTIONS:
        lines += [f"## {section.heading}", ""]
        lines += [section.words, ""] if section.words else []
        for picture in pictures:
            if picture.name in section.pictures:
                lines += _picture(picture, linked=linked)
        for name, caption in section.tables.items():
            lines += [caption, ""] if caption else []
            lines += [*by_name[name].markdown(), ""]
    if linked:
        files = ", ".join(f"[{table.name}.csv]({table.name}.csv)" for table in tables)
        lines += ["## Files", "", f"The tables in full: {files}.", ""]
    return "\n".join(lines).rstrip("\n") + "\n"


def _about(subject: Subject) -> list[str]:
    about = subject.about
    lines = [escaped(about.citation.strip()), ""] if about.citation else []
    lines += [f"<{about.homepage}>", ""] if about.homepage else []
    lines += [f"Licence: {escaped(about.licence)}.", ""] if about.licence else []
    lines += [subject.left_out, ""] if subject.left_out else []
    commands = f"    {subject.command}", "", "A first run on it:", "", f"    {subject.next_command}"
    return [*lines, "Described by", "", *commands, ""]


def _picture(picture: Picture, *, linked: bool) -> list[str]:
    if picture.draw is None:
        return [f"No picture of {picture.name.replace('_', ' ')}: {escaped(picture.missing)}.", ""]
    return [f"![{escaped(picture.title)}]({picture.name}.png)", "", f"[PDF]({picture.name}.pdf)", ""] if linked else []
