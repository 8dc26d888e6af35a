import { useQuery } from "@tanstack/react-query";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { useNavigate } from "react-router";
import { client, need } from "@/client/client";
import { Empty } from "@/components/Empty/Empty";
import { Fault } from "@/components/Fault/Fault";
import { scaleBar } from "@/components/Image/scale";
import { PicksPanel } from "@/components/Picks/PicksPanel";
import { usePickLayer } from "@/components/Picks/usePickLayer";
import { moved, zoomed } from "./camera";
import { AUTO, brighter, wider } from "./contrast";
import { Foot } from "./Foot";
import { FourierPane } from "./FourierPane";
import { Gallery } from "./Gallery";
import { ImageCanvas, type Sight } from "./ImageCanvas";
import { KeysHelp } from "./KeysHelp";
import { DriftPaths, enlarged, Fringes, SelectionBox } from "./overlays";
import { Panel } from "./Panel";
import { placeOf } from "./place";
import { savePng } from "./savePng";
import { StackBar } from "./StackBar";
import { useViewerState, type State } from "./state";
import { TopBar } from "./TopBar";
import { useFacts, usePicture, useTiles } from "./useImage";
import { imageOf, useItem } from "./useItem";
import { useKeys } from "./useKeys";
import type { Box } from "./usePointer";
import { useValue } from "./useValue";
import classes from "./Viewer.module.css";

/** An image of a project or of a file, with its spectrum beside it. */
export function Viewer() {
  const { state, update, params, setParams } = useViewerState();
  const [project, item, path, file] = ["project", "item", "path", "file"].map((name) => params.get(name)) as (string | null)[];
  const view = imageOf(params.get("view") ?? "after");
  const place = useMemo(() => placeOf(params, view), [project, item, path, file, view]); // eslint-disable-line
  const known = useItem(project ?? null, place?.item ?? null, view, state.layers);
  const files = useQuery({ queryKey: ["files"], enabled: file != null, queryFn: () => need(client.GET("/api/files")) }).data;
  const frame = state.frame ?? (place?.item && view === "before" ? "sum" : null);
  const picture = usePicture(place, frame, known.version);
  const facts = useFacts(place, frame, known.version, picture.data !== undefined).data;
  const raster = picture.data;
  const level = (raster?.facts.level as number | undefined) ?? 0;
  const image = useMemo(
    () => ({ width: (raster?.facts.full_width as number) ?? 1024, height: (raster?.facts.full_height as number) ?? 1024 }),
    [raster],
  );
  const current = facts && facts.frame === raster?.facts.frame ? facts : undefined;
  const { tiles, look } = useTiles(place, current, state.contrast, level);
  const rasters = useMemo(() => (raster ? [{ raster, x: 0, y: 0, scale: 2 ** level }, ...tiles] : []), [raster, level, tiles]);
  const [point, setPoint] = useState<[number, number] | null>(null);
  const [fourier, setFourier] = useState<{ x: number; y: number; size: number } | null>(null);
  const [selecting, setSelecting] = useState(false);
  const [draft, setDraft] = useState<Box | null>(null);
  const [help, setHelp] = useState(false);
  const [playing, setPlaying] = useState(false);
  const [start, setStart] = useState(0);
  const [sight, setSight] = useState<Sight | null>(null);
  const root = useRef<HTMLDivElement>(null);
  const pane = useRef<HTMLElement>(null);
  const navigate = useNavigate();
  const value = useValue(place, current, point);
  const pixel = (raster?.facts.pixel_size as number | null | undefined) ?? null;
  const frames = (raster?.facts.n_frames as number | undefined) ?? 1;
  const picks = usePickLayer({ project: project ?? null, item: place?.item ?? null, shown: state.layers.includes("particles"), pixel, show: () => update({ layers: [...new Set([...state.layers, "particles"])], panel: true }) });
  const layers = known.layers.length ? [...known.layers, { name: "particles", label: "Particles", reason: picks.reason }] : known.layers;
  const title = facts?.name ?? known.views?.name ?? path ?? files?.[Number(file)]?.name ?? "Image";

  useEffect(() => {
    document.title = `${title} – Vitreous`;
  }, [title]);
  const seen = useCallback(
    (now: Sight) => {
      setSight(now);
      look(now);
    },
    [look],
  );
  const drawn = useCallback(() => requestAnimationFrame(() => performance.mark("image-drawn")), []);
  const { onHover } = picks;
  const hovered = useCallback(
    (at: [number, number] | null, now: number) => {
      setPoint(at);
      onHover(at, now);
    },
    [onHover],
  );
  const select = useCallback(
    (box: Box, done: boolean) => {
      setDraft(done ? null : box);
      if (!done) return;
      setSelecting(false);
      const x = Math.max(0, box.x);
      const y = Math.max(0, box.y);
      const width = Math.min(image.width, box.x + box.width) - x;
      const height = Math.min(image.height, box.y + box.height) - y;
      if (width >= 32 && height >= 32) update({ part: { x, y, width, height }, fft: true });
    },
    [image, update],
  );
  const go = useCallback(
    (change: Record<string, string>) =>
      setParams((before) => {
        const next = new URLSearchParams(before);
        for (const [name, text] of Object.entries(change)) next.set(name, text);
        next.delete("frame");
        return next;
      }),
    [setParams],
  );
  const open = async (change: Record<string, string>) => {
    if (!(await picks.edits.save())) return; // what was picked by hand here must not be lost
    update({ frame: null, defocus: null, gallery: false });
    go(change);
  };
  const number = file == null ? null : Number(file);
  const nextOf = (step: 1 | -1): (() => void) | null => {
    if (number !== null && files) {
      const to = number + step;
      return to >= 0 && to < files.length ? () => void open({ file: String(to) }) : null;
    }
    const to = step > 0 ? known.views?.after : known.views?.before;
    return to == null ? null : () => void open({ item: String(to) });
  };
  const zoom = (factor: number) => {
    if (!sight) return;
    update({ camera: zoomed(sight.camera, image, sight.screen, factor, sight.screen.width / 2, sight.screen.height / 2) });
  };
  const shift = (dx: number, dy: number) => () => sight && update({ camera: moved(sight.camera, image, dx * 80, dy * 80) });
  const one = () => sight && update({ camera: { ...sight.camera, zoom: 1 / (window.devicePixelRatio || 1) } });
  const bar = sight ? scaleBar(sight.screen.width / sight.camera.zoom * (pixel ?? 1), pixel ? "Å" : "px", 0.2) : null;
  const save = () => pane.current && void savePng(pane.current, title, bar);
  const fullScreen = () => void (document.fullscreenElement ? document.exitFullscreen() : root.current?.requestFullscreen?.());
  const back = () => void (window.history.length > 1 ? navigate(-1) : navigate(project ? `/p/${project}/library` : "/"));
  const grey = (change: (contrast: State["contrast"]) => State["contrast"]) => () => update((before) => ({ contrast: change(before.contrast) }));
  const flip = (name: "fft" | "flat" | "panel" | "gallery") => () => update((before) => ({ [name]: !before[name] }));
  useKeys({
    "+": () => zoom(1.5), "=": () => zoom(1.5), "-": () => zoom(1 / 1.5), "0": () => update({ camera: null }), "1": one,
    ArrowLeft: shift(1, 0), ArrowRight: shift(-1, 0), ArrowUp: shift(0, 1), ArrowDown: shift(0, -1),
    "]": grey((c) => brighter(c, 0.08)), "[": grey((c) => brighter(c, -0.08)), ",": grey((c) => wider(c, 1.15)), ".": grey((c) => wider(c, 1 / 1.15)),
    "{": grey((c) => wider(c, 1.15)), "}": grey((c) => wider(c, 1 / 1.15)),
    a: () => update((before) => ({ contrast: { ...AUTO, invert: before.contrast.invert } })), i: grey((c) => ({ ...c, invert: !c.invert })),
    f: flip("fft"), l: flip("flat"), h: flip("panel"), g: () => frames > 1 && update((before) => ({ gallery: !before.gallery })),
    t: () => update((before) => ({ thon: !(before.fft && before.thon), fft: true })), c: () => update((before) => ({ curve: !(before.fft && before.curve), fft: true })),
    s: () => setSelecting((before) => !before), n: () => nextOf(1)?.(), p: () => nextOf(-1)?.(), d: () => save(), " ": () => frames > 1 && setPlaying((before) => !before),
    ...picks.keys, ...(picks.editing && sight ? { k: () => picks.actAt([sight.camera.x - 0.5, sight.camera.y - 0.5]) } : {}),
    Enter: fullScreen, "?": () => setHelp((before) => !before),
    Escape: () => (help ? setHelp(false) : selecting ? setSelecting(false) : picks.editing ? picks.toggleEditing() : state.part ? update({ part: null }) : state.gallery ? update({ gallery: false }) : back()),
  });

  const times = known.trajectory && enlarged(known.trajectory);
  const notes = [
    picks.editing && `Picking by hand: ${picks.here} picks${picks.edits.unsaved ? `, ${picks.edits.unsaved} not saved` : ""}`,
    raster?.facts.blurred === true && "Blurred for guests",
    raster?.facts.gain === "not applied" && "Gain reference not applied",
    times && state.layers.some((name) => name === "trajectory" || name === "patches") && `drift ${times.drift} times`,
    times && state.layers.includes("field") && `local motion ${times.local} times`,
  ].filter(Boolean);
  const overlay = (now: Sight) => (
    <>
      {known.trajectory && state.layers.length > 0 && <DriftPaths sight={now} data={known.trajectory} shown={state.layers} width={image.width} />}
      {picks.editing && <path d={`M${now.screen.width / 2 - 7} ${now.screen.height / 2}h14m-7 -7v14`} stroke="#fff" strokeWidth={1} opacity={0.6} />}
      {(draft ?? state.part) && <SelectionBox box={(draft ?? state.part)!} sight={now} pixel={pixel} />}
      {fourier && <Fringes sight={now} size={fourier.size} point={[fourier.x, fourier.y]} />}
    </>
  );
  const choices = files ? files.map((entry) => ({ value: String(entry.number), label: entry.name })) : known.choices;
  return (
    <div ref={root} className={classes.root}>
      <TopBar
        title={title}
        choices={choices}
        chosen={files ? String(number) : view}
        choose={(value) => void open(files ? { file: value } : { view: value })}
        state={state}
        update={update}
        actions={{ back, next: nextOf(1), previous: nextOf(-1), zoom, fit: () => update({ camera: null }), save, fullScreen, help: () => setHelp(!help), selecting, setSelecting }}
      />
      <main className={classes.main}>
        {state.gallery && place && current ? (
          <Gallery place={place} frames={frames} stamp={current.stamp} start={start} page={setStart} open={(n) => update({ frame: String(n), gallery: false })} />
        ) : (
          <section ref={pane} className={classes.pane} aria-label="Image">
            <Waiting place={place !== null} error={picture.error} missing={known.missing ?? null} busy={!raster} retry={() => void picture.refetch()} before={view !== "before" && place?.item ? () => void open({ view: "before" }) : null} />
            <ImageCanvas image={image} rasters={rasters} contrast={state.contrast} camera={state.camera} setCamera={(camera) => update({ camera })} label={title} selecting={selecting} tool={picks.tool} onHover={hovered} onSelect={select} onSight={seen} onDrawn={drawn} overlay={overlay} layer={picks.canvas} />
            {notes.length > 0 && <div className={classes.badge}>{notes.join(", ")}</div>}
            {raster && bar && (
              <div className={classes.over} style={{ width: `calc(${(100 * bar.part).toFixed(2)}% + 14px)` }} aria-label={`scale bar ${bar.text}`}>
                {bar.text}
                <i />
              </div>
            )}
          </section>
        )}
        {state.fft && place && current && <FourierPane place={place} facts={current} state={state} contrast={state.contrast.invert ? INVERTED : AUTO} onPoint={setFourier} />}
        {state.panel && facts && <Panel facts={facts} state={state} layers={layers} update={update} more={<PicksPanel layer={picks} />} />}
      </main>
      <div className={classes.foot} style={{ padding: 0, display: "block" }}>
        {frames > 1 && raster && (
          <StackBar frames={frames} frame={String(frame ?? raster.facts.frame)} isVolume={facts?.is_volume ?? false} playing={playing} busy={picture.isFetching} setFrame={(text) => update({ frame: text })} setPlaying={setPlaying} openGallery={flip("gallery")} />
        )}
        <Foot image={raster ? image : null} point={point} value={value} pixel={pixel} fourier={fourier} zoom={sight?.camera.zoom ?? null} blurred={raster?.facts.blurred === true} loading={picture.isFetching} />
      </div>
      {help && <KeysHelp close={() => setHelp(false)} />}
    </div>
  );
}

const INVERTED = { ...AUTO, invert: true };

interface WaitingGiven {
  place: boolean;
  error: Error | null;
  missing: string | null;
  busy: boolean;
  retry: () => void;
  before: (() => void) | null;
}

/** What stands in place of the image: nothing chosen, a fault, or that it comes. */
function Waiting({ place, error, missing, busy, retry, before }: WaitingGiven) {
  if (place && !error && !busy) return null;
  return (
    <div className={classes.middle} style={error || !place ? undefined : { pointerEvents: "none" }}>
      {!place && <Empty title="No image is chosen">Open one from the library of a project, or give files to “vitreous view”.</Empty>}
      {place && error && (
        <div>
          <Fault error={error} retry={retry} />
          {missing && before && (
            <button type="button" className={classes.button} style={{ marginTop: 8, border: "1px solid #3a4147" }} onClick={before}>
              Show the image before drift correction
            </button>
          )}
        </div>
      )}
      {place && !error && busy && <span className={classes.pulse}>The image is read …</span>}
    </div>
  );
}

