"""The commands of ``skfashion``, each a function in the module of its name.

`_main` reads the arguments and imports what they ask for: ``skfashion --help`` needs no Keras.
`_console` is what a terminal gets, `_data` reads data sets. For a search `_choice` chooses model
and size, `_place` the folder; `_tuning` makes what `_search` carries out, and `_results` writes
down what was found, `_likeness` what the images look like.
"""
