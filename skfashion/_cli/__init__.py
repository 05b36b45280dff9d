"""The commands of ``skfashion``, each a function in the module of its name.

`_main` reads the arguments and imports what they ask for: ``skfashion --help`` needs no Keras.
`_console` is what a terminal gets, `_data` reads data sets, `_tuning` makes the search that
`_search` carries out, and `_results` writes down what it found.
"""
