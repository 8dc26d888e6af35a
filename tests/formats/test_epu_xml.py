"""EPU's XML of an image: units, absent and impossible values, documents that are refused."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vitreous.core.errors import DataError
from vitreous.formats.epu_xml import read_epu_xml

# Made by hand, with the elements and namespaces that EPU writes.
SAMPLE = """<MicroscopeImage xmlns="http://schemas.datacontract.org/2004/07/Fei.SharedObjects" \
xmlns:i="http://www.w3.org/2001/XMLSchema-instance"><name i:nil="true"/><uniqueID>\
1b0c1f2e-6a64-4a1b-8f0f-6d1f2f6f2a10</uniqueID>
<CustomData xmlns:a="http://schemas.microsoft.com/2003/10/Serialization/Arrays">
<a:KeyValueOfstringanyType><a:Key>AppliedDefocus</a:Key>\
<a:Value i:type="b:double" xmlns:b="http://www.w3.org/2001/XMLSchema">-1.8E-06</a:Value></a:KeyValueOfstringanyType>
<a:KeyValueOfstringanyType><a:Key>DetectorCommercialName</a:Key>\
<a:Value i:type="b:string" xmlns:b="http://www.w3.org/2001/XMLSchema">BioQuantum K3\
</a:Value></a:KeyValueOfstringanyType>
<a:KeyValueOfstringanyType><a:Key>Dose</a:Key>\
<a:Value i:type="b:double" xmlns:b="http://www.w3.org/2001/XMLSchema">4.0E+21</a:Value></a:KeyValueOfstringanyType>
<a:KeyValueOfstringanyType><a:Key>PhasePlateUsed</a:Key>\
<a:Value i:type="b:boolean" xmlns:b="http://www.w3.org/2001/XMLSchema">false</a:Value></a:KeyValueOfstringanyType>
</CustomData>
<SpatialScale><offset><x><numericValue>0</numericValue><unit><_x003C_Symbol_x003E_k__BackingField>m\
</_x003C_Symbol_x003E_k__BackingField></unit></x></offset>
<pixelSize><x><numericValue>1.66E-10</numericValue><unitPrefix>none</unitPrefix></x>\
<y><numericValue>1.66E-10</numericValue><unitPrefix>none</unitPrefix></y></pixelSize></SpatialScale>
<microscopeData>
<acquisition><acquisitionDateTime>2021-10-08T07:39:08.7130023+02:00</acquisitionDateTime>
<camera><Binning xmlns:a="http://schemas.datacontract.org/2004/07/System.Drawing"><a:x>2</a:x><a:y>2</a:y></Binning>
<CameraSpecificInput xmlns:a="http://schemas.microsoft.com/2003/10/Serialization/Arrays">
<a:KeyValueOfstringanyType><a:Key>ElectronCountingEnabled</a:Key>\
<a:Value i:type="b:boolean" xmlns:b="http://www.w3.org/2001/XMLSchema">true</a:Value></a:KeyValueOfstringanyType>
<a:KeyValueOfstringanyType><a:Key>FractionationSettings</a:Key><a:Value i:type="b:DoseFractions" \
xmlns:b="http://schemas.datacontract.org/2004/07/Fei.Applications.Common.Omp.Interface">\
<b:NumberOffractions>40</b:NumberOffractions></a:Value></a:KeyValueOfstringanyType>
</CameraSpecificInput>
<ExposureTime>2.0</ExposureTime><Name>BM-GatanK3</Name>
<ReadoutArea xmlns:a="http://schemas.datacontract.org/2004/07/System.Drawing"><a:height>2046</a:height>\
<a:width>2880</a:width><a:x>0</a:x><a:y>0</a:y></ReadoutArea></camera>
<plateCamera i:nil="true"/></acquisition>
<core><ApplicationSoftware>Tem EPU</ApplicationSoftware><ApplicationSoftwareVersion>2.12.1.2782REL\
</ApplicationSoftwareVersion></core>
<gun><AccelerationVoltage>300000</AccelerationVoltage><GunLens>4</GunLens></gun>
<instrument><ComputerName>KRIOS</ComputerName><InstrumentID>3692</InstrumentID></instrument>
<optics><BeamShift xmlns:a="http://schemas.datacontract.org/2004/07/Fei.Types"><a:_x>0.0123</a:_x>\
<a:_y>-0.0456</a:_y></BeamShift><Defocus>-2.1E-06</Defocus>
<ImageShift xmlns:a="http://schemas.datacontract.org/2004/07/Fei.Types"><a:_x>0</a:_x><a:_y>0</a:_y></ImageShift>
<SpotIndex>6</SpotIndex><TemMagnification><NominalMagnification>105000</NominalMagnification></TemMagnification></optics>
<stage><Position><A>0.5235987755982988</A><B>0</B><X>-0.000142</X><Y>0.000457</Y><Z>-1.37E-05</Z></Position></stage>
</microscopeData></MicroscopeImage>
"""


def saved(folder: Path, text: str | bytes) -> Path:
    path = folder / "FoilHole_1_Data_2_3.xml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_all_facts_in_our_units(tmp_path: Path) -> None:
    found = read_epu_xml(saved(tmp_path, "\ufeff" + SAMPLE))
    acquisition = found.acquisition
    assert acquisition.pixel_size == pytest.approx(1.66)
    assert acquisition.voltage == 300
    assert acquisition.dose_per_frame == pytest.approx(1.0)
    assert (acquisition.pre_exposure, acquisition.frame_doses) == (None, None)
    assert found.total_dose == pytest.approx(40.0)
    assert (found.n_frames, found.exposure_time, found.binning) == (40, 2.0, 2)
    assert found.tilt_angle == pytest.approx(30)
    assert found.target_defocus == pytest.approx(18000)
    assert found.stage_defocus == pytest.approx(21000)
    assert found.beam_shift == (0.0123, -0.0456)
    assert found.stage_position == pytest.approx((-142, 457, -13.7))
    assert (found.magnification, found.camera, found.image_shape) == (105000, "BioQuantum K3", (2046, 2880))
    assert found.metadata["PhasePlateUsed"] == "false"
    assert found.warnings == ()


def test_pixel_size_of_frames_follows_their_sampling(tmp_path: Path) -> None:
    found = read_epu_xml(saved(tmp_path, SAMPLE))
    for shape, size in [((2046, 2880), 1.66), ((4092, 5760), 0.83), ((5760, 4092), 0.83), ((8184, 11520), 0.415)]:
        assert found.pixel_size_of_frames(shape) == pytest.approx(size)
    assert found.pixel_size_of_frames((4096, 4096)) is None
    without = read_epu_xml(saved(tmp_path, SAMPLE.replace("ReadoutArea", "Area")))
    assert without.pixel_size_of_frames((4096, 4096)) == pytest.approx(1.66)


def test_total_dose_of_a_detector_is_in_electrons_per_square_angstrom(tmp_path: Path) -> None:
    text = SAMPLE.replace("<a:Key>Dose</a:Key>", "<a:Key>Detectors[EF-Falcon].TotalDose</a:Key>")
    assert read_epu_xml(saved(tmp_path, text.replace("4.0E+21", "41.6"))).total_dose == pytest.approx(41.6)
    assert read_epu_xml(saved(tmp_path, text)).total_dose == pytest.approx(40)


def test_what_is_absent_is_not_known(tmp_path: Path) -> None:
    found = read_epu_xml(saved(tmp_path, "<MicroscopeImage/>"))
    assert found.acquisition.model_dump(exclude_none=True) == {}
    assert (found.total_dose, found.tilt_angle, found.image_shape, found.warnings) == (None, None, None, ())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("1.66E-10</numericValue><unitPrefix>none</unitPrefix></x>", "NaN</numericValue></x>"),
        ("1.66E-10</numericValue><unitPrefix>none</unitPrefix></x>", "1.66E-9</numericValue></x>"),
        ("1.66E-10</numericValue><unitPrefix>none</unitPrefix></y>", "-1</numericValue></y>"),
        (">300000<", ">1e9<"), (">300000<", ">INF<"), ("4.0E+21", "-1"), ("4.0E+21", "1e26"), ("4.0E+21", "9e6"),
        (">40<", ">0<"), (">40<", ">1e9<"), (">2.0<", ">soon<"), (">0.5235987755982988<", ">30<"),
        (">2046<", ">-5<"), ("-1.8E-06", "-1.8"), (">0.0123<", "><b/><"), (">105000<", ">-1<"),
    ],
)  # fmt: skip
def test_an_impossible_value_is_left_out_and_the_rest_is_read(tmp_path: Path, old: str, new: str) -> None:
    assert old in SAMPLE
    whole = read_epu_xml(saved(tmp_path, SAMPLE))
    found = read_epu_xml(saved(tmp_path, SAMPLE.replace(old, new)))
    assert found != whole
    assert found.camera == "BioQuantum K3"
    if "<b/>" in new:
        assert found.beam_shift is None
    else:
        assert len(found.warnings) == 1


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (SAMPLE[:900].encode(), "well-formed"),
        (b"\0" * 50, "well-formed"),
        (b"<TiltSeries/>", "element is 'TiltSeries'"),
        (f'<!DOCTYPE m [<!ENTITY l0 "ha">{LAUGHS}]><MicroscopeImage>&l9;</MicroscopeImage>'.encode(), "document type"),
        (b'<!DOCTYPE m SYSTEM "file:///etc/passwd"><MicroscopeImage/>', "document type"),
        ('<!DOCTYPE m [<!ENTITY l0 "ha">]><MicroscopeImage/>'.encode("utf-16"), "document type"),
        (b"<MicroscopeImage>&other;</MicroscopeImage>", "well-formed"),
        (b"<MicroscopeImage>" + b"<a>" * 100_000, "deeper"),
        (b"<MicroscopeImage>" + b" " * (17 << 20) + b"</MicroscopeImage>", "longer"),
    ],
    ids=range(10),
)
def test_other_documents_are_refused_in_little_memory(tmp_path: Path, content: bytes, reason: str) -> None:
    path = saved(tmp_path, content)
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match=reason) as caught:
            read_epu_xml(path)
        assert tracemalloc.get_traced_memory()[1] < 60e6
    finally:
        tracemalloc.stop()
    assert caught.value.context["path"] == str(path)


def read_or_fault(path: Path) -> str:
    """Read; tell "read", or "fault" where a DataError says why."""
    try:
        read_epu_xml(path)
    except DataError as error:
        fault = error
    else:
        return "read"
    assert fault.context["path"] == str(path)
    assert fault.context["reason"]
    return "fault"


def test_one_changed_byte_or_a_cut_gives_facts_or_a_reason(tmp_path: Path) -> None:
    whole, rng = SAMPLE.encode(), np.random.default_rng(6)
    outcomes = set()
    for trial in range(400):
        at = int(rng.integers(len(whole)))
        damaged = whole[:at] if trial % 5 == 0 else whole[:at] + bytes([rng.integers(256)]) + whole[at + 1 :]
        outcomes.add(read_or_fault(saved(tmp_path, damaged)))
    assert outcomes == {"read", "fault"}


@settings(deadline=None, max_examples=150)
@given(st.text(max_size=60), st.sampled_from([">300000<", "1.66E-10", "4.0E+21", ">40<", ">2880<", "-1.8E-06"]))
def test_any_value_gives_facts_or_a_data_error(tmp_path_factory: pytest.TempPathFactory, value: str, old: str) -> None:
    value = f">{value}<" if old[0] == ">" else value
    text = SAMPLE.replace(old, value).encode("utf-8", "surrogatepass")
    assert read_or_fault(saved(tmp_path_factory.getbasetemp(), text)) in ("read", "fault")
