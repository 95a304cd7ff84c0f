"""hydrarec: an experiment framework for collaborative-filtering recommenders.

Data flows one way: conf → data → model ⇄ task → training → run folder → report, analysis, recommendation.
Nothing is imported here, so that ``--help`` and a mistyped option answer at once.
"""

__version__ = "0.1.0"
