"""The columns of particles: one row per picked particle."""

from __future__ import annotations

import math

from vitreous.model.column import Alias, Column, Kind, Package

_RADIANS = math.pi / 180.0
_EMX = "unverified: no EMX file has been read yet"
_UNREAD = "unverified: no file with it has been read yet"


def _particle(name: str, kind: Kind, unit: str | None, meaning: str, slot: str, **aliases: Alias) -> Column:
    named: dict[Package, Alias] = {}
    for package, alias in aliases.items():
        named[package] = alias  # type: ignore[index]
    return Column(name, kind, unit, meaning, slot, "particle", named)


_PLACE = (
    _particle("uid", "integer", None, "number of the particle, unique in the project", "picks",
              cryosparc=Alias("uid")),
    _particle("micrograph", "text", None, "name of the exposure that it was picked on", "picks",
              relion=Alias("rlnMicrographName", None, note="path of the micrograph"),
              cryosparc=Alias("location/micrograph_path", None, note="path of the micrograph; may begin with >"),
              cistem=Alias("cisTEMOriginalImageFilename", None, note="path of the micrograph")),
    _particle("micrograph_path", "text", None, "file of the micrograph, as a table of particles names it", "picks",
              relion=Alias("rlnMicrographName", None, note="a table without it names the micrograph itself"),
              cryosparc=Alias("location/micrograph_path", None, note="may begin with >"),
              cistem=Alias("cisTEMOriginalImageFilename", None, note="path of the micrograph")),
    _particle("micrograph_pixel_size", "real", "Å", "pixel size of the micrograph that the coordinates are counted in",
              "picks",
              relion=Alias("rlnMicrographPixelSize"), cryosparc=Alias("location/micrograph_psize_A", note=_UNREAD)),
    _particle("coordinate_x", "real", "px", "centre along x of the unbinned micrograph, from 0", "picks",
              relion=Alias("rlnCoordinateX"),
              cryosparc=Alias("location/center_x_frac", None, note="as a fraction of the micrograph's width"),
              cistem=Alias("cisTEMOriginalXPosition", None, note="in Å: × pixel size of the micrograph"),
              emx=Alias("centerCoord/X", note=_EMX)),
    _particle("coordinate_y", "real", "px", "centre along y of the unbinned micrograph, from 0", "picks",
              relion=Alias("rlnCoordinateY"),
              cryosparc=Alias("location/center_y_frac", None, note="as a fraction of the height, with y turned over"),
              cistem=Alias("cisTEMOriginalYPosition", None, note="in Å: × pixel size of the micrograph"),
              emx=Alias("centerCoord/Y", note=_EMX)),
    _particle("pick_score", "real", None, "how well the particle matched the picker's reference", "picks",
              relion=Alias("rlnAutopickFigureOfMerit"), cryosparc=Alias("pick_stats/ncc_score", note=_UNREAD)),
    _particle("pick_power", "real", None, "power of the whitened micrograph around the particle, 1: as the background",
              "picks", cryosparc=Alias("pick_stats/power", None, note=f"on another scale; {_UNREAD}")),
    _particle("pick_source", "text", None, "what picked it: the picker's name, or hand", "picks"),
    _particle("kept", "integer", None, "1: passes the thresholds of its picking, 0: does not", "picks"),
    _particle("votes", "integer", None, "pickers that chose it", "picks"),
    _particle("pre_exposure", "real", "e/Å²", "exposure of the specimen before the image", "picks",
              relion=Alias("rlnMicrographPreExposure"), cistem=Alias("cisTEMPreExposure", note=_UNREAD)),
    _particle("total_exposure", "real", "e/Å²", "exposure of the specimen at the end of the image", "picks",
              cistem=Alias("cisTEMTotalExposure", note=_UNREAD)),
)  # fmt: skip

_IMAGE = (
    _particle("image_stack", "text", None, "file of the particle's image", "image",
              relion=Alias("rlnImageName", None, note="000001@stack: the place in the stack, from 1, then the file"),
              cryosparc=Alias("blob/path"), cistem=Alias("cisTEMStackFilename")),
    _particle("image_index", "integer", None, "place of the image in its file, from 0", "image",
              relion=Alias("rlnImageName", None, note="000001@stack: the place in the stack, from 1, then the file"),
              cryosparc=Alias("blob/idx"), cistem=Alias("cisTEMPositionInStack", 1.0, 1.0, "from 1"),
              frealign=Alias("C", 1.0, 1.0, "from 1")),
    _particle("pixel_size", "real", "Å", "pixel size of the particle's image", "image",
              relion=Alias("rlnImagePixelSize"), cryosparc=Alias("blob/psize_A"), cistem=Alias("cisTEMPixelSize"),
              emx=Alias("pixelSpacing", note=_EMX),
              frealign=Alias("MAG", None, note="magnification: 10⁴ × detector step in µm / pixel size")),
    _particle("box_size", "integer", "px", "side of the particle's image", "image",
              relion=Alias("rlnImageSize"), cryosparc=Alias("blob/shape", None, note="(y, x) together")),
    _particle("optics_group", "integer", None, "particles that share microscope and aberrations, from 1", "image",
              relion=Alias("rlnOpticsGroup"),
              cryosparc=Alias("ctf/exp_group_id", None, note="any number, not from 1"),
              cistem=Alias("cisTEMBeamTiltGroup", note=_UNREAD)),
    _particle("optics_group_name", "text", None, "name of the optics group", "image",
              relion=Alias("rlnOpticsGroupName")),
    _particle("random_subset", "integer", None, "independent half, 1 or 2", "image",
              relion=Alias("rlnRandomSubset"), cryosparc=Alias("alignments3D/split", 1.0, -1.0, "0 or 1"),
              cistem=Alias("cisTEMAssignedSubset", note=_UNREAD)),
    _particle("norm_correction", "real", None, "factor on the image's grey values", "image",
              relion=Alias("rlnNormCorrection")),
)  # fmt: skip

_OPTICS = (
    _particle("voltage", "real", "kV", "acceleration voltage", "ctf",
              relion=Alias("rlnVoltage"), cryosparc=Alias("ctf/accel_kv"),
              cistem=Alias("cisTEMMicroscopeVoltagekV"), emx=Alias("acceleratingVoltage", note=_EMX)),
    _particle("spherical_aberration", "real", "mm", "spherical aberration of the objective lens; 0 is legal", "ctf",
              relion=Alias("rlnSphericalAberration"), cryosparc=Alias("ctf/cs_mm"),
              cistem=Alias("cisTEMMicroscopeCsMM"), emx=Alias("cs", note=_EMX)),
    _particle("amplitude_contrast", "real", "fraction", "amplitude contrast, 0..1", "ctf",
              relion=Alias("rlnAmplitudeContrast"), cryosparc=Alias("ctf/amp_contrast"),
              cistem=Alias("cisTEMAmplitudeContrast"), emx=Alias("amplitudeContrast", note=_EMX)),
    _particle("defocus_u", "real", "Å", "larger defocus, underfocus positive", "ctf",
              relion=Alias("rlnDefocusU"), cryosparc=Alias("ctf/df1_A"), cistem=Alias("cisTEMDefocus1"),
              frealign=Alias("DF1"), emx=Alias("defocusU", 0.1, note=f"in nm; {_EMX}")),
    _particle("defocus_v", "real", "Å", "smaller defocus, underfocus positive", "ctf",
              relion=Alias("rlnDefocusV"), cryosparc=Alias("ctf/df2_A"), cistem=Alias("cisTEMDefocus2"),
              frealign=Alias("DF2"), emx=Alias("defocusV", 0.1, note=f"in nm; {_EMX}")),
    _particle("astigmatism_angle", "real", "degrees", "from +x to the axis of the larger defocus, counter-clockwise",
              "ctf",
              relion=Alias("rlnDefocusAngle"), cryosparc=Alias("ctf/df_angle_rad", _RADIANS, note="in radians"),
              cistem=Alias("cisTEMDefocusAngle"), frealign=Alias("ANGAST"),
              emx=Alias("defocusUAngle", note=_EMX)),
    _particle("phase_shift", "real", "degrees", "phase shift of a phase plate", "ctf",
              relion=Alias("rlnPhaseShift"), cryosparc=Alias("ctf/phase_shift_rad", _RADIANS, note="in radians"),
              cistem=Alias("cisTEMPhaseShift", _RADIANS, note="in radians"),
              frealign=Alias("PSHIFT", _RADIANS, note="unverified: in radians")),
    _particle("b_factor", "real", "Å²", "fall-off of amplitudes × exp(-B s²/4)", "ctf",
              relion=Alias("rlnCtfBfactor"), cryosparc=Alias("ctf/bfactor", note="unverified: definition and sign")),
    _particle("beam_tilt_x", "real", "mrad", "beam tilt along x", "ctf",
              relion=Alias("rlnBeamTiltX"), cistem=Alias("cisTEMBeamTiltX", note=_UNREAD),
              cryosparc=Alias("ctf/tilt_A", None, note="sin(tilt) = 10⁻⁷ × tilt_A / spherical aberration in mm")),
    _particle("beam_tilt_y", "real", "mrad", "beam tilt along y", "ctf",
              relion=Alias("rlnBeamTiltY"), cistem=Alias("cisTEMBeamTiltY", note=_UNREAD),
              cryosparc=Alias("ctf/tilt_A", None, note="sin(tilt) = 10⁻⁷ × tilt_A / spherical aberration in mm")),
)  # fmt: skip

_POSE_NOTE = "rotation vector in radians of rot, tilt and psi together"
_SHIFT_NOTE = "(x, y) together, in pixels of the image, same sign"
_POSE = (
    _particle("rot", "real", "degrees", "first angle of R = Rz(rot) Ry(tilt) Rz(psi)", "pose",
              relion=Alias("rlnAngleRot"), cistem=Alias("cisTEMAnglePhi"), frealign=Alias("PHI"),
              cryosparc=Alias("alignments3D/pose", None, note=_POSE_NOTE)),
    _particle("tilt", "real", "degrees", "second angle of R = Rz(rot) Ry(tilt) Rz(psi)", "pose",
              relion=Alias("rlnAngleTilt"), cistem=Alias("cisTEMAngleTheta"), frealign=Alias("THETA"),
              cryosparc=Alias("alignments3D/pose", None, note=_POSE_NOTE)),
    _particle("psi", "real", "degrees", "third angle of R = Rz(rot) Ry(tilt) Rz(psi)", "pose",
              relion=Alias("rlnAnglePsi"), cistem=Alias("cisTEMAnglePsi"), frealign=Alias("PSI"),
              cryosparc=Alias("alignments3D/pose", None, note=_POSE_NOTE)),
    _particle("origin_x", "real", "Å", "translation along x that moves the particle to the box centre", "pose",
              relion=Alias("rlnOriginXAngst", note="until RELION 3.0: rlnOriginX in pixels"),
              cistem=Alias("cisTEMXShift", -1.0), frealign=Alias("SHX", -1.0, note="in Å from version 9"),
              cryosparc=Alias("alignments3D/shift", None, note=_SHIFT_NOTE)),
    _particle("origin_y", "real", "Å", "translation along y that moves the particle to the box centre", "pose",
              relion=Alias("rlnOriginYAngst", note="until RELION 3.0: rlnOriginY in pixels"),
              cistem=Alias("cisTEMYShift", -1.0), frealign=Alias("SHY", -1.0, note="in Å from version 9"),
              cryosparc=Alias("alignments3D/shift", None, note=_SHIFT_NOTE)),
    _particle("class_number", "integer", None, "class, from 1", "pose",
              relion=Alias("rlnClassNumber"), cryosparc=Alias("alignments2D/class", 1.0, -1.0, "from 0"),
              cistem=Alias("cisTEMBest2DClass", note=_UNREAD)),
    _particle("max_probability", "real", "fraction", "greatest posterior probability of a pose", "pose",
              relion=Alias("rlnMaxValueProbDistribution"),
              cryosparc=Alias("alignments3D/class_posterior", None, note="probability of the class, not of the pose")),
    _particle("log_likelihood", "real", None, "logarithm of the image's likelihood", "pose",
              relion=Alias("rlnLogLikeliContribution"),
              cistem=Alias("cisTEMLogP", None, note="normalised otherwise than RELION's"),
              frealign=Alias("LOGP", None, note="normalised otherwise than RELION's")),
    _particle("occupancy", "real", "fraction", "share of the particle that belongs to this class", "pose",
              cistem=Alias("cisTEMOccupancy", 100.0, note="in %"), frealign=Alias("OCC", 100.0, note="in %")),
    _particle("noise_sigma", "real", None, "standard deviation of the image's noise over that of the signal", "pose",
              cistem=Alias("cisTEMSigma"), frealign=Alias("SIGMA")),
    _particle("score", "real", "%", "correlation of image and projection, 100 at most", "pose",
              cistem=Alias("cisTEMScore"), frealign=Alias("SCORE")),
    _particle("score_change", "real", "%", "change of the score in the last round", "pose",
              cistem=Alias("cisTEMScoreChange"), frealign=Alias("CHANGE")),
)  # fmt: skip

PARTICLE_COLUMNS: tuple[Column, ...] = (*_PLACE, *_IMAGE, *_OPTICS, *_POSE)
