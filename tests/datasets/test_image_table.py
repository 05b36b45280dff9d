"""Tables of file names and labels."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from skfashion._cli._console import UserError
from skfashion._cli._data import read_data, read_test_data
from skfashion._cli._place import data_digest
from skfashion.datasets import load_image_table

NAMES = ["a/1.png", "a/2.png", "b 3.png", "4.png"]


@pytest.fixture
def root(tmp_path):
    (tmp_path / "a").mkdir()
    for shade, name in enumerate(NAMES):
        Image.new("RGB", (8, 6), (50 * shade, 0, 0)).save(tmp_path / name)
    return tmp_path


@pytest.fixture
def table(root):
    """Write columns to a CSV file; return its path."""

    def write(path="labels.csv", **columns):
        path = root / path
        columns = columns or {"label": ["NA", "None", "NA", "x"]}
        frame = pd.DataFrame({"file": NAMES, **columns})
        frame.to_csv(path, index=False, sep="\t" if path.suffix == ".tsv" else ",")
        return path

    return write


@pytest.mark.parametrize("name", ["labels.csv", "labels.tsv"])
def test_files_lie_beside_the_table(name, table, root):
    data = load_image_table(table(name))
    assert data.filenames.tolist() == [str(root / each) for each in NAMES]
    assert data.target.tolist() == ["NA", "None", "NA", "x"]
    assert data.target_names == ["NA", "None", "x"]
    assert "4 images" in data.DESCR
    assert "<img" in data._repr_html_()


def test_a_frame_and_another_root(root, monkeypatch):
    frame = pd.DataFrame({"image": NAMES, "n": [3, 1, 1, 2]})
    X, y = load_image_table(frame, "image", "n", root, return_X_y=True)
    assert X[0] == str(root / NAMES[0])
    assert y.tolist() == [3, 1, 1, 2]
    monkeypatch.chdir(root)
    X, _ = load_image_table(frame, "image", "n", return_X_y=True)
    assert X.tolist() == NAMES


def test_several_labels_an_image(table):
    wanted = [[1, 1], [0, 1], [0, 0], [1, 0]]
    data = load_image_table(table(sea=[1, 0, 0, 1], sky=[1, 1, 0, 0]), target=["sea", "sky"])
    assert (data.target.tolist(), data.target_names) == (wanted, ["sea", "sky"])
    data = load_image_table(table(label=["sky| sea", "sky", "", "sea"]), sep="|")
    assert (data.target.tolist(), data.target_names) == (wanted, ["sea", "sky"])
    assert data._repr_html_().count("<img") == 4
    data = load_image_table(table(sea=[1, 0, 0, 1], fog=[0, 0, 0, 0]), target=["sea", "fog"])
    assert "<th>fog</th><td>0</td>" in data._repr_html_()


@pytest.mark.parametrize(
    ("columns", "options", "message"),
    [
        ({"species": list("aabb")}, {}, "no column 'label' .* has \\['file', 'species'\\]"),
        ({"label": ["a", "", "b", ""]}, {}, "empty in 2 of 4 rows .*\\[1, 3\\]"),
        ({"file": ["4.png", "", "x", "y"], "label": list("aabb")}, {}, "'file' .* is empty"),
        ({"file": ["4.png"] * 4, "label": list("aabb")}, {}, "(?s)named more than once.*4.png"),
        (
            {"file": ["4.png", "./4.png", "a/../4.png", "x"], "label": list("aabb")},
            {},
            "(?s)1 files are named.*4.png",
        ),
        ({"file": range(4), "label": list("aabb")}, {}, "holds 0, which is not a file name"),
        ({"file": list("uvwx"), "label": list("aabb")}, {"on_error": "skip"}, "(?s)None of.*no su"),
        ({"sea": [0, 1, 2, 0]}, {"target": ["sea"]}, "'sea' .* holds 2"),
        ({"label": [""] * 4}, {"sep": "|"}, "no label in column 'label'"),
        ({"label": list("aabb")}, {"sep": ""}, "may be empty"),
        ({"sea": [0, 1, 1, 0]}, {"target": []}, "may be empty"),
    ],
)
def test_refusals(columns, options, message, table):
    with pytest.raises(ValueError, match=message):
        load_image_table(table(**columns), **options)


@pytest.mark.parametrize(
    ("cells", "names"),
    [
        (pd.Categorical(["b|a", None, "a", "b"]), ["a", "b"]),
        ([1, None, 2, 1], ["1", "2"]),
        (["01", "", "2", "01"], ["01", "2"]),
    ],
)
def test_several_labels_in_cells_of_any_kind(cells, names, table, root):
    frame = pd.DataFrame({"file": NAMES, "label": cells})
    assert load_image_table(frame, root=root, sep="|").target_names == names
    data = load_image_table(table(label=cells), sep="|")
    assert data.target[1].tolist() == [0, 0]


@pytest.mark.parametrize("sep", [None, "|"])
def test_frames_that_no_file_can_hold(sep, root):
    lists = pd.DataFrame({"file": NAMES, "label": [["a"], ["a", "b"], ["b"], []]})
    with pytest.raises(ValueError, match=r"holds \['a'\]: write"):
        load_image_table(lists, root=root, sep=sep)
    twice = pd.DataFrame([[name, 0, 1] for name in NAMES], columns=["file", "label", "label"])
    with pytest.raises(ValueError, match="several columns 'label'"):
        load_image_table(twice, root=root, sep=sep)


def test_missing_files_are_named_at_once(table):
    path = table(file=["4.png", "gone.png", "a", "lost.png"], label=list("aabb"))
    with pytest.raises(ValueError, match=r"(?s)3 of.*gone.png: no such.*a folder.*lost.png: no"):
        load_image_table(path)
    with pytest.warns(UserWarning, match="3 of the files"):
        data = load_image_table(path, on_error="skip")
    assert data.target.tolist() == ["a"]
    assert len(data.bad_files) == 3


def test_what_is_not_a_table(root):
    with pytest.raises(FileNotFoundError, match="doesn't exist"):
        load_image_table(root / "no.csv")
    with pytest.raises(FileNotFoundError, match="load_image_folder"):
        load_image_table(root)
    with pytest.raises(ValueError, match="can't be read as CSV"):
        load_image_table(root / NAMES[0])
    with pytest.raises(TypeError, match="a list"):
        load_image_table([NAMES])
    with pytest.raises(ValueError, match="no row"):
        load_image_table(pd.DataFrame({"file": [], "label": []}))


def test_the_command_line_reads_tables(root, capsys):
    names = [f"{i}.png" for i in range(12)]
    for i, name in enumerate(names):
        Image.new("RGB", (8, 6), (20 * i, 0, 0)).save(root / name)
    frame = pd.DataFrame({"photo": [*names, "gone.png"], "kind": [*[0, 1] * 6, 0]})
    frame.to_csv(root / "own.csv", index=False)
    data = read_data(str(root / "own.csv"))
    assert (len(data.X), len(data.X_test), set(data.y)) == (9, 3, {"0", "1"})
    assert "left out 1 file" in capsys.readouterr().err
    assert len(read_test_data(str(root / "own.csv")).y) == 12
    frame.assign(kind=1 - frame["kind"]).to_csv(root / "own.csv", index=False)
    assert data_digest(read_data(str(root / "own.csv"))) != data_digest(data)
    frame.assign(more=0).to_csv(root / "own.csv", index=False)
    (root / "empty.csv").touch()
    with pytest.raises(UserError, match=r"table .*empty.csv' can't be read as CSV"):
        read_data(str(root / "empty.csv"))
    with pytest.raises(UserError, match="no column 'file'"):
        read_data(str(root / "own.csv"))
    assert np.array_equal(data.y, data.y.astype(str))
