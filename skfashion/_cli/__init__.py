"""The commands of ``skfashion``, for `skfashion._cli._main`.

===========================  ======================================================
Module                       What it knows
===========================  ======================================================
`skfashion._cli._console`    errors and warnings of one line, tables, durations
`skfashion._cli._data`       data sets by name or folder, in training and test part
`skfashion._cli._models`     a model's file, and image files as a model wants them
`skfashion._cli._pipelines`  a pipeline and a space for each kind of model
`skfashion._cli._searches`   the searches, telling of each candidate
`skfashion._cli._progress`   the line a candidate gets
`skfashion._cli._results`    what a search leaves in its folder
`skfashion._cli._search`     ``skfashion search``
`skfashion._cli._use`        ``skfashion predict`` and ``skfashion evaluate``
`skfashion._cli._runs`       ``skfashion runs``
===========================  ======================================================

Nothing here is imported before the arguments are read.
"""
