"""Files: equal to the last bit, or refused; and never half written."""

import os
import stat
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from fields import noise, random_values
from scipy.stats import ortho_group

import eulerot
from eulerot import files
from eulerot.euler.integrators import RK4, Tableau
from eulerot.rearrangement.sweep import Sweep

QUARTER = np.array([[0.0, -1.0], [1.0, 0.0]])
AXES = np.array([[0.6, -0.8], [0.8, 0.6]])
Z = np.random.default_rng(0).standard_normal((300, 2))


def rearrangement(seed=0):
    grid = eulerot.Grid.from_modes(3)
    field = 2 * random_values(grid, seed, highest=3)
    first, second = eulerot.Geodesic(field, grid, steps=12), eulerot.Geodesic(-0.5 * field, grid, steps=9, tableau=RK4)
    return eulerot.Rearrangement(QUARTER, (Sweep((first,), AXES), Sweep((second,), np.eye(2))))


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "map.npz"
    rearrangement().save(path)
    return path


@pytest.mark.parametrize("name", ["map.npz", "map", "map.v1.eulerot"])
@pytest.mark.parametrize("as_text", [False, True])
def test_the_map_comes_back_to_the_last_bit(name, as_text, tmp_path):
    path, original = tmp_path / name, rearrangement()
    original.save(str(path) if as_text else path)
    assert os.listdir(tmp_path) == [name]
    for threads in (None, 1, 2):
        loaded = eulerot.Rearrangement.load(str(path) if as_text else path, threads=threads)
        for method in ("forward", "inverse", "log_abs_det"):
            assert getattr(loaded, method)(Z).tobytes() == getattr(original, method)(Z).tobytes()
        assert loaded.path(Z, [0.2, 0.7]).tobytes() == original.path(Z, [0.2, 0.7]).tobytes()
    loaded.save(path)
    assert eulerot.Rearrangement.load(path).forward(Z).tobytes() == original.forward(Z).tobytes()


@pytest.mark.parametrize("dim", [1, 2, 7])
def test_without_geodesics(dim, tmp_path):
    eulerot.Rearrangement.identity(dim).save(tmp_path / "one")
    loaded = eulerot.Rearrangement.load(tmp_path / "one")
    assert loaded.is_identity and loaded.dim == dim


def test_sweeps_in_planes_and_in_space(tmp_path):
    plane, space = eulerot.Grid.from_modes(3), eulerot.Grid.from_modes(2, dim=3)
    flat = eulerot.Geodesic(0.3 * noise(plane), plane, steps=20)
    solid = eulerot.Geodesic(0.1 * noise(space), space, steps=20)
    axes, z = ortho_group.rvs(5, random_state=3), np.random.default_rng(3).standard_normal((40, 5))
    original = eulerot.Rearrangement(np.eye(5), (Sweep((solid, flat), axes, ((0, 3, 1), (4, 2))),))
    original.save(tmp_path / "five")
    loaded = eulerot.Rearrangement.load(tmp_path / "five")
    assert loaded.sweeps[0].planes == ((0, 3, 1), (4, 2))
    assert loaded.forward(z).tobytes() == original.forward(z).tobytes()
    assert loaded.inverse(z).tobytes() == original.inverse(z).tobytes()


def test_every_setting_of_a_geodesic_is_kept(tmp_path):
    grid = eulerot.Grid((9, 8), "cube", lengths=(1.0, 2.5), dealiasing="3/2")
    geodesic = eulerot.Geodesic(np.ones(grid.points), grid, time=-0.3, steps=5, tableau=RK4)
    several = replace(geodesic, field_steps=9, multistep=True, few_steps=4, tolerance=1e-7)
    # readers of files of version 3 would take one scheme for the other
    for original, version in ((geodesic, 3), (several, 5)):
        eulerot.Rearrangement(np.eye(2), (Sweep((original,), AXES),)).save(tmp_path / "one")
        (loaded,) = eulerot.Rearrangement.load(tmp_path / "one").geodesics
        assert loaded.grid == grid and (loaded.time, loaded.steps, loaded.tableau) == (-0.3, 5, RK4)
        assert (loaded.field_steps, loaded.multistep) == (original.field_steps, original.multistep)
        assert (loaded.few_steps, loaded.tolerance) == (original.few_steps, original.tolerance)
        assert loaded.field0_hat.tobytes() == geodesic.field0_hat.tobytes()
        assert int(np.load(tmp_path / "one")["version"]) == version


@pytest.mark.parametrize(("version", "more"), [(1, {}), (2, {"field_steps": 0}), (2, {"field_steps": 11})])
def test_files_of_earlier_versions_are_read(version, more, tmp_path):
    # versions 1 and 2 had the values of the field, and version 1 no steps of its own for it
    grid, values = eulerot.Grid((9, 8), "cube"), np.arange(72.0).reshape(9, 8) / 36 - 1
    geodesic = {
        "field0": values, "time": 0.7, "steps": 5, "tableau": "DOP853", "points": (9, 8), "domain": "cube",
        "lengths": (np.pi, np.pi), "dealiasing": "2/3", "plane": (1, 0), **more,
    }  # fmt: skip
    arrays = {"rotation": QUARTER, "sweeps": 1, "sweep0_axes": AXES, "sweep0_geodesics": 1}
    arrays |= {f"sweep0_geodesic0_{name}": value for name, value in geodesic.items()}
    files.write_arrays(tmp_path / "old", arrays, kind="eulerot rearrangement", version=version)
    one = eulerot.Geodesic(values, grid, time=0.7, steps=5, field_steps=more.get("field_steps") or None)
    expected = Sweep((one,), AXES, ((1, 0),)).forward(Z @ QUARTER.T)
    assert eulerot.Rearrangement.load(tmp_path / "old").forward(Z).tobytes() == expected.tobytes()


def test_no_byte_can_be_changed_or_lost(saved):
    # every byte of a small file: archive headers and padding too
    data = saved.read_bytes()
    for position in range(0, len(data), 7):
        altered = bytearray(data)
        altered[position] ^= 1 << (position % 8)
        saved.write_bytes(altered)
        with pytest.raises(eulerot.FormatError, match=r"altered or cut short|expected a file written by"):
            eulerot.Rearrangement.load(saved)
    for length in [*range(0, len(data), 61), len(data) - 1]:
        saved.write_bytes(data[:length])
        with pytest.raises(eulerot.FormatError):
            eulerot.Rearrangement.load(saved)
    for other in (data + b"\0", b"\0" + data, data + data):
        saved.write_bytes(other)
        with pytest.raises(eulerot.FormatError):
            eulerot.Rearrangement.load(saved)
    saved.write_bytes(data)
    assert eulerot.Rearrangement.load(saved).dim == 2


def test_foreign_files_are_refused_by_what_they_are(tmp_path):
    path = tmp_path / "file"
    np.savez(path.open("wb"), z=Z)
    with pytest.raises(eulerot.FormatError, match="expected a file written by eulerot; got another"):
        eulerot.Rearrangement.load(path)
    path.write_text("a line of text, longer than a checksum would be, so that there is something to compare\n")
    with pytest.raises(eulerot.FormatError, match="got another"):
        eulerot.Rearrangement.load(path)
    path.write_bytes(b"")
    with pytest.raises(eulerot.FormatError, match="got an empty one"):
        eulerot.Rearrangement.load(path)
    with pytest.raises(eulerot.FormatError, match="got a directory"):
        eulerot.Rearrangement.load(tmp_path)
    with pytest.raises(FileNotFoundError):
        eulerot.Rearrangement.load(tmp_path / "none")
    np.savez(path.open("wb"), allow_pickle=True, rotation=np.array([print], dtype=object))
    with pytest.raises(eulerot.FormatError):
        eulerot.Rearrangement.load(path)


def test_another_kind_and_a_newer_version_say_so(tmp_path):
    path = tmp_path / "file"
    arrays = {"rotation": np.eye(2), "sweeps": 0}
    files.write_arrays(path, arrays, kind="eulerot rearrangement", version=1)
    assert eulerot.Rearrangement.load(path).is_identity
    files.write_arrays(path, arrays, kind="eulerot rearrangement", version=99)
    with pytest.raises(eulerot.FormatError, match="or older; got version 99"):
        eulerot.Rearrangement.load(path)
    files.write_arrays(path, arrays, kind="eulerot checkpoint", version=1)
    with pytest.raises(eulerot.FormatError, match=r"expected .* 'eulerot rearrangement'; got 'eulerot checkpoint'"):
        eulerot.Rearrangement.load(path)
    for broken in ({}, {"rotation": np.eye(2), "sweeps": 1}, arrays | {"rotation": Z}):
        files.write_arrays(path, broken, kind="eulerot rearrangement", version=1)
        with pytest.raises(eulerot.FormatError, match="expected a rearrangement"):
            eulerot.Rearrangement.load(path)


def test_a_resaved_archive_has_lost_its_seal(saved):
    with np.load(saved) as archive:
        arrays = dict(archive)
    np.savez(saved, **arrays)
    with pytest.raises(eulerot.FormatError, match="altered or cut short"):
        eulerot.Rearrangement.load(saved)


def test_an_array_file_keeps_every_type(tmp_path):
    arrays = {
        "text": np.array("grüß"), "flag": np.array(True), "none": np.zeros((0, 3)), "complex": Z[:3] * 1j,
        "fortran": np.asfortranarray(Z[:4]), "big": np.arange(3, dtype=">i4"), "file": np.array(3, dtype=np.int8),
        "nan": np.array([np.nan, -0.0, np.inf]),
    }  # fmt: skip
    files.write_arrays(tmp_path / "a", arrays, kind="test", version=3)
    back = files.read_arrays(tmp_path / "a", kind="test", version=4)
    assert back.keys() == arrays.keys()
    for name, value in arrays.items():
        assert back[name].dtype == value.dtype and back[name].tobytes() == value.tobytes()
    with np.load(tmp_path / "a", allow_pickle=False) as archive:  # others can read it too
        assert str(archive["kind"]) == "test" and zipfile.ZipFile(tmp_path / "a").testzip() is None


def test_what_cannot_be_written_leaves_the_old_file(saved, tmp_path, monkeypatch):
    before = saved.read_bytes()
    with pytest.raises(ValueError, match="a: expected numbers, truth values or text; got dtype object"):
        files.write_arrays(saved, {"a": np.array([print])}, kind="test", version=1)
    with pytest.raises(ValueError, match="expected names other than"):
        files.write_arrays(saved, {"kind": 1}, kind="test", version=1)
    own = Tableau("RK4", RK4.a, np.array([1.0, 0, 0, 0]), 1, 0.0)
    other = replace(rearrangement(), sweeps=(Sweep((replace(rearrangement().geodesics[0], tableau=own),), AXES),))
    with pytest.raises(ValueError, match=r"tableau: expected one of .* to save; got another, 'RK4'"):
        other.save(saved)

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        rearrangement(1).save(saved)
    assert saved.read_bytes() == before and os.listdir(tmp_path) == ["map.npz"]
    monkeypatch.undo()
    with pytest.raises(OSError):
        rearrangement().save(tmp_path)
    with pytest.raises(FileNotFoundError):
        rearrangement().save(tmp_path / "none" / "map.npz")
    assert os.listdir(tmp_path) == ["map.npz"]


def test_an_old_file_is_replaced_in_one_step(saved, monkeypatch):
    # at the moment of the swap the old file is whole, and so is the new one beside it
    before, swap = saved.read_bytes(), os.replace

    def watched(source, target):
        assert saved.read_bytes() == before
        assert eulerot.Rearrangement.load(source).dim == 2 and source.parent == saved.parent
        swap(source, target)

    monkeypatch.setattr(os, "replace", watched)
    rearrangement(1).save(saved)
    assert saved.read_bytes() != before


def test_links_and_permissions_are_those_of_any_file(saved, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(saved)
    rearrangement(1).save(link)
    assert link.is_symlink() and eulerot.Rearrangement.load(saved).forward(Z)[0, 0] != rearrangement().forward(Z)[0, 0]
    plain = tmp_path / "plain"
    plain.write_text("")
    assert stat.S_IMODE(saved.stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)
