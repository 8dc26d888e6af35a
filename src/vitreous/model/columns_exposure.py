"""The columns of exposures: the images of a session, one row each."""

from __future__ import annotations

import math

from vitreous.model.column import Alias, Column

_RADIANS = math.pi / 180.0
_EMX = "unverified: no EMX file has been read yet"
_CS = "unverified: no exposure file of cryoSPARC has been read yet"

_OWN = (
    Column("name", "text", None, "name of the item: the movie's file without suffix", None,
           aliases={"focus": Alias("imagename")}),
    Column("group", "text", None, "group of the item; TRASH is one", None),
    Column("flag", "text", None, "colour flag: red, green, blue or gold", None, aliases={"focus": Alias("image_flag")}),
    Column("comment", "text", None, "what a person wrote of it", None),
    Column("path", "text", None, "the movie, relative to the project folder", None,
           aliases={"relion": Alias("rlnMicrographMovieName"), "cryosparc": Alias("movie_blob/path", note=_CS)}),
    Column("source_path", "text", None, "where the movie was found", None,
           aliases={"focus": Alias("imagename_original")}),
    Column("identity", "text", None, "hash of the movie's content", None),
    Column("size", "integer", "bytes", "size of the movie's file", None),
    Column("imported", "real", "s", "when it was imported, since 1970 (UTC)", None),
    Column("recorded", "real", "s", "when it was recorded, since 1970 (UTC)", None, also=("movie",),
           aliases={"focus": Alias("import_original_time", 1000.0, note="in ms")}),
)  # fmt: skip

_SESSION = (
    Column("specimen", "text", None, "name of the specimen", "movie", aliases={"focus": Alias("specimen_name")}),
    Column("specimen_number", "integer", None, "number of the specimen", "movie",
           aliases={"focus": Alias("specimennumber")}),
    Column("square", "text", None, "grid square", "movie", aliases={"focus": Alias("EPU_dirname")}),
    Column("hole", "text", None, "hole of the foil", "movie"),
    Column("shift_group", "text", None, "images of one beam-image shift, which share their beam tilt", "movie",
           aliases={"focus": Alias("multishot_series_number", None, note="a counter of multi-shot exposures")}),
    Column("tilt_series", "text", None, "tilt series that it belongs to", "movie",
           aliases={"focus": Alias("tomo_series_number", None, note="a counter of tilt series")}),
    Column("tilt_number", "integer", None, "place in the tilt series in order of recording, from 1", "movie"),
    Column("stage_tilt", "real", "degrees", "tilt of the specimen stage", "movie",
           aliases={"relion": Alias("rlnTomoNominalStageTiltAngle", note="unverified: RELION 5's name")}),
    Column("stage_tilt_axis", "real", "degrees", "tilt axis from +y of the image, counter-clockwise", "movie",
           aliases={"relion": Alias("rlnTomoNominalTiltAxisAngle", note="unverified: RELION 5's name; sign")}),
    Column("stage_x", "real", "µm", "position of the specimen stage along x", "movie"),
    Column("stage_y", "real", "µm", "position of the specimen stage along y", "movie"),
    Column("stage_z", "real", "µm", "position of the specimen stage along z", "movie"),
    Column("image_shift_x", "real", None, "image shift along x, in the microscope's own units", "movie"),
    Column("image_shift_y", "real", None, "image shift along y, in the microscope's own units", "movie"),
    Column("beam_shift_x", "real", None, "beam shift along x, in the microscope's own units", "movie"),
    Column("beam_shift_y", "real", None, "beam shift along y, in the microscope's own units", "movie"),
    Column("target_defocus", "real", "Å", "defocus that was asked for, underfocus positive", "movie"),
    Column("stage_defocus", "real", "Å", "defocus that the microscope displayed, underfocus positive", "movie"),
    Column("magnification", "real", "×", "nominal magnification", "movie", aliases={"focus": Alias("magnification")}),
    Column("camera", "text", None, "name of the camera", "movie"),
    Column("exposure_time", "real", "s", "exposure time of the movie", "movie"),
)  # fmt: skip

_MOVIE = (
    Column("movie_format", "text", None, "format of the movie's file", "movie"),
    Column("movie_frames", "integer", "frames", "frames in the movie's file", "movie",
           aliases={"focus": Alias("movie_imagenumber_total")}),
    Column("movie_width", "integer", "px", "width of a frame as recorded", "movie",
           aliases={"relion": Alias("rlnImageSizeX")}),
    Column("movie_height", "integer", "px", "height of a frame as recorded", "movie",
           aliases={"relion": Alias("rlnImageSizeY")}),
    Column("movie_pixel_size", "real", "Å", "pixel size of the frames as recorded", "movie",
           aliases={"relion": Alias("rlnMicrographOriginalPixelSize"),
                    "cryosparc": Alias("movie_blob/psize_A", note=_CS), "focus": Alias("sample_pixel")}),
    Column("movie_total_dose", "real", "e/Å²", "exposure of the whole movie at the specimen, as stated beside it",
           "movie"),
    Column("voltage", "real", "kV", "acceleration voltage", "movie", also=("micrograph",),
           aliases={"relion": Alias("rlnVoltage"), "cryosparc": Alias("mscope_params/accel_kv", note=_CS),
                    "cistem": Alias("cisTEMMicroscopeVoltagekV"), "emx": Alias("acceleratingVoltage", note=_EMX),
                    "focus": Alias("KV")}),
    Column("spherical_aberration", "real", "mm", "spherical aberration of the objective lens; 0 is legal", "movie",
           also=("micrograph",),
           aliases={"relion": Alias("rlnSphericalAberration"), "cryosparc": Alias("mscope_params/cs_mm", note=_CS),
                    "cistem": Alias("cisTEMMicroscopeCsMM"), "emx": Alias("cs", note=_EMX), "focus": Alias("CS")}),
    Column("amplitude_contrast", "real", "fraction", "amplitude contrast, 0..1", "movie", also=("micrograph",),
           aliases={"relion": Alias("rlnAmplitudeContrast"), "cryosparc": Alias("ctf/amp_contrast", note=_CS),
                    "cistem": Alias("cisTEMAmplitudeContrast"), "emx": Alias("amplitudeContrast", note=_EMX),
                    "focus": Alias("phacon", None, note="phase contrast: √(1 - amplitude_contrast²)")}),
    Column("dose_per_frame", "real", "e/Å²", "exposure of one frame at the specimen, mean over the frames", "movie",
           also=("micrograph",),
           aliases={"relion": Alias("rlnMicrographDoseRate"), "focus": Alias("frame_dose")}),
    Column("pre_exposure", "real", "e/Å²", "exposure before the first frame of the movie", "movie",
           also=("micrograph",),
           aliases={"relion": Alias("rlnMicrographPreExposure"), "focus": Alias("prior_dose")}),
)  # fmt: skip

_MICROGRAPH = (
    Column("pixel_size", "real", "Å", "pixel size of the micrograph", "micrograph",
           aliases={"relion": Alias("rlnMicrographPixelSize"),
                    "cryosparc": Alias("micrograph_blob/psize_A", note=_CS), "cistem": Alias("cisTEMPixelSize"),
                    "emx": Alias("pixelSpacing", note=_EMX)}),
    Column("width", "integer", "px", "width of the micrograph", "micrograph"),
    Column("height", "integer", "px", "height of the micrograph", "micrograph"),
    Column("n_frames", "integer", "frames", "frames summed in the micrograph", "micrograph",
           aliases={"focus": Alias("movie_imagenumber_touse")}),
    Column("total_dose", "real", "e/Å²", "exposure of the frames summed in the micrograph", "micrograph",
           aliases={"cryosparc": Alias("mscope_params/total_dose_e_per_A2", note=_CS), "focus": Alias("total_dose")}),
)  # fmt: skip

_MOTION = (
    Column("drift_total", "real", "Å", "length of the specimen's path", "motion",
           aliases={"relion": Alias("rlnAccumMotionTotal")}),
    Column("drift_early", "real", "Å", "length of the path within the first 4 e/Å²", "motion",
           aliases={"relion": Alias("rlnAccumMotionEarly")}),
    Column("drift_late", "real", "Å", "length of the path after the first 4 e/Å²", "motion",
           aliases={"relion": Alias("rlnAccumMotionLate")}),
    Column("drift_range", "real", "Å", "√(range_x² + range_y²) of the path", "motion",
           aliases={"focus": Alias("import_drift")}),
    Column("drift_longest_step", "real", "Å", "longest step between two frames", "motion",
           aliases={"focus": Alias("import_drift_longest", 0.1, note="in nm, although labelled Å")}),
    Column("drift_deceleration", "real", "Å/frame", "minus the slope of step length against frame number", "motion",
           aliases={"focus": Alias("import_drift_deceleration", 10.0, note="the program multiplies by 10")}),
    Column("drift_jitter", "real", None, "1000 × distances of points from their neighbours' middles / steps", "motion",
           aliases={"focus": Alias("import_drift_jitter")}),
    Column("local_motion_max", "real", "Å", "largest motion relative to the whole frame's", "motion"),
    Column("bad_pixels", "integer", "px", "pixels that were replaced as defects", "motion"),
    Column("gain_orientation", "text", None, "how the gain reference was turned", "motion"),
    Column("gain_kind", "text", None, "whether frames were multiplied by the reference or divided by it", "motion"),
    Column("movie_counts_per_frame", "real", "counts/px/frame", "mean of the frames after gain correction", "motion"),
    Column("measured_dose_per_frame", "real", "e/Å²", "exposure of a frame by its counts, at one count per electron",
           "motion"),
)  # fmt: skip

_CTF = (
    Column("defocus_u", "real", "Å", "larger defocus, underfocus positive", "ctf",
           aliases={"relion": Alias("rlnDefocusU"), "cryosparc": Alias("ctf/df1_A", note=_CS),
                    "cistem": Alias("cisTEMDefocus1"), "frealign": Alias("DF1"),
                    "emx": Alias("defocusU", 0.1, note=f"in nm; {_EMX}")}),
    Column("defocus_v", "real", "Å", "smaller defocus, underfocus positive", "ctf",
           aliases={"relion": Alias("rlnDefocusV"), "cryosparc": Alias("ctf/df2_A", note=_CS),
                    "cistem": Alias("cisTEMDefocus2"), "frealign": Alias("DF2"),
                    "emx": Alias("defocusV", 0.1, note=f"in nm; {_EMX}")}),
    Column("defocus", "real", "Å", "mean of the larger and the smaller defocus", "ctf",
           aliases={"focus": Alias("defocus_defocus", 1e-4, note="in µm")}),
    Column("defocus_difference", "real", "Å", "larger minus smaller defocus", "ctf",
           aliases={"relion": Alias("rlnCtfAstigmatism"), "focus": Alias("defocus_astig")}),
    Column("astigmatism_angle", "real", "degrees", "from +x to the axis of the larger defocus, counter-clockwise",
           "ctf",
           aliases={"relion": Alias("rlnDefocusAngle"),
                    "cryosparc": Alias("ctf/df_angle_rad", _RADIANS, note=f"in radians; {_CS}"),
                    "cistem": Alias("cisTEMDefocusAngle"), "frealign": Alias("ANGAST"),
                    "emx": Alias("defocusUAngle", note=_EMX), "focus": Alias("defocus_angle")}),
    Column("phase_shift", "real", "degrees", "phase shift of a phase plate", "ctf",
           aliases={"relion": Alias("rlnPhaseShift"),
                    "cryosparc": Alias("ctf/phase_shift_rad", _RADIANS, note=f"in radians; {_CS}"),
                    "cistem": Alias("cisTEMPhaseShift", _RADIANS, note="in radians"),
                    "frealign": Alias("PSHIFT", _RADIANS, note="unverified: in radians"),
                    "focus": Alias("defocus_phase_shift")}),
    Column("defocus_error", "real", "Å", "standard deviation of the mean defocus by noise alone", "ctf"),
    Column("fit_resolution", "real", "Å", "resolution to which the CTF fits the Thon rings", "ctf",
           aliases={"relion": Alias("rlnCtfMaxResolution"),
                    "cryosparc": Alias("ctf/ctf_fit_to_A", note=_CS), "focus": Alias("defocus_RESMAX")}),
    Column("score", "real", None, "normalised correlation of spectrum and CTF", "ctf",
           aliases={"relion": Alias("rlnCtfFigureOfMerit"),
                    "cryosparc": Alias("ctf/cross_corr_ctffind4", note=_CS), "focus": Alias("defocus_CCvalue")}),
    Column("significance", "real", None, "agreement of the search in standard deviations of noise", "ctf"),
    Column("aliasing_limit", "real", "Å", "resolution from which Thon rings are too dense for the spectrum", "ctf"),
    Column("specimen_tilt", "real", "degrees", "tilt of the specimen that the spectrum was levelled for", "ctf"),
    Column("specimen_tilt_axis", "real", "degrees", "axis of that tilt from +y, counter-clockwise", "ctf"),
)  # fmt: skip

_QUALITY = (
    Column("image_mean", "real", "counts", "mean of the image", "quality"),
    Column("image_stddev", "real", "counts", "standard deviation of the image", "quality",
           aliases={"focus": Alias("image_stddev")}),
    Column("relative_stddev", "real", "% of the mean", "standard deviation of the image", "quality",
           aliases={"focus": Alias("image_stddev_relative", None, note="the program divides by maximum - minimum")}),
    Column("image_minimum", "real", "counts", "least value of the image", "quality"),
    Column("image_maximum", "real", "counts", "greatest value of the image", "quality"),
    Column("counts_per_frame", "real", "e/px/frame", "mean electrons per pixel and frame", "quality",
           aliases={"focus": Alias("frame_image_counts")}),
    Column("counted_dose", "real", "e/Å²", "exposure by the image's counts", "quality"),
    Column("iciness", "real", None, "intensity of the ice ring over that of low resolution", "quality",
           aliases={"focus": Alias("iciness", None, note="other bands, of amplitudes: iciness definition 'focus'")}),
    Column("iciness_second_ring", "real", None, "the same for the second ice ring at 2.2-2.3 Å", "quality",
           aliases={"focus": Alias("iciness2")}),
    Column("ice_ring_density", "real", None, "amplitude of the ice ring over its surroundings", "quality"),
    Column("alerts", "integer", None, "figures out of limits", "quality"),
    Column("severe_alerts", "integer", None, "figures severely out of limits", "quality"),
)  # fmt: skip

_PICKS = (
    Column("particles", "integer", None, "picked particles", "picks",
           aliases={"focus": Alias("gautomatch_number_particles")}),
)  # fmt: skip

EXPOSURE_COLUMNS: tuple[Column, ...] = (
    *_OWN, *_SESSION, *_MOVIE, *_MICROGRAPH, *_MOTION, *_CTF, *_QUALITY, *_PICKS,
)  # fmt: skip
