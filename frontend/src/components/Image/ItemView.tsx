import { Skeleton } from "@mantine/core";
import { useEffect, useState, type KeyboardEvent } from "react";
import { useNavigate } from "react-router";
import { UNKNOWN } from "@/components/format";
import { sentence } from "@/components/Fault/Fault";
import { Curves } from "./Curves";
import classes from "./Image.module.css";
import { ScaleBar } from "./ScaleBar";
import { Trajectory } from "./Trajectory";
import { CAPTIONS, pictureUrl, useCurves, useTrajectory, useViews, viewerUrl, type View } from "./views";

interface Given {
  project: string;
  item: number;
  /** before, fft_before, after, fft_after, after_dw, particles, trajectory, thon, curves … */
  view: string;
  /** px of the picture that is asked for. */
  size?: number;
  /** A caption below; none unless given. `true` is the view's own title. */
  label?: string | boolean;
  /** Called in place of opening the viewer. */
  onOpen?: () => void;
}

/** One view of an item in a square that keeps its place; click, double click or Enter opens the viewer. */
export function ItemView({ project, item, view, size = 400, label, onOpen }: Given) {
  const { data, error } = useViews(project, item);
  const navigate = useNavigate();
  const found = data?.views.views.find((entry) => entry.name === view);
  const caption = label === true ? CAPTIONS[view] : label || undefined;
  const name = `${CAPTIONS[view] ?? view}${data ? ` of ${data.views.name}` : ""}`;
  const open = onOpen ?? (() => void navigate(viewerUrl(project, item, viewFor(view))));
  const keys = (event: KeyboardEvent) => {
    if (event.key === "Enter") {
      event.stopPropagation();
    }
  };
  return (
    <figure className={classes.figure}>
      <button type="button" className={classes.view} aria-label={`Open ${name}`} onClick={open} onKeyDown={keys} disabled={!found?.available}>
        {!data && !error && <Skeleton height="100%" radius={0} aria-label="loading" />}
        {error && <Missing reason={sentence(error.message)} />}
        {data && !found && <Missing reason="There is no such view" />}
        {found && !found.available && <Missing reason={found.reason ?? "Not there yet"} />}
        {found?.available && <Content key={`${item} ${found.identity}`} project={project} item={item} view={found} size={size} name={name} />}
      </button>
      {caption && <figcaption className={classes.caption}>{caption}</figcaption>}
    </figure>
  );
}

/** Drawings open beside the image that they belong to. */
function viewFor(view: string): string {
  return view === "trajectory" ? "after" : view === "curves" || view === "thon_plot" ? "thon" : view;
}

function Missing({ reason }: { reason: string }) {
  return (
    <span className={classes.missing}>
      <span className={classes.dash} aria-hidden>
        {UNKNOWN}
      </span>
      {reason}
    </span>
  );
}

function Content({ project, item, view, size, name }: { project: string; item: number; view: View; size: number; name: string }) {
  if (view.name === "trajectory") return <Drift project={project} item={item} view={view} />;
  if (view.name === "curves") return <Fit project={project} item={item} view={view} />;
  return <Picture project={project} item={item} view={view} size={size} name={name} />;
}

function Picture({ project, item, view, size, name }: { project: string; item: number; view: View; size: number; name: string }) {
  const url = pictureUrl(project, item, view, size);
  const [fault, setFault] = useState<string | null>(null);
  const [seen, setSeen] = useState(false);
  useEffect(() => setFault(null), [url]);
  if (fault) return <Missing reason={fault} />;
  const { width, height, pixel_size: pixel } = view;
  const shown = width && pixel ? Math.max(width, height ?? width) * pixel : null;
  return (
    <>
      {!seen && <Skeleton height="100%" radius={0} style={{ position: "absolute", inset: 0 }} aria-label="loading" />}
      <img
        className={classes.picture}
        src={url}
        alt={name}
        decoding="async"
        draggable={false}
        onLoad={() => setSeen(true)}
        onError={() => void whyNot(url).then(setFault)}
      />
      {seen && view.kind === "image" && shown && <ScaleBar width={shown} />}
    </>
  );
}

/** What the server says of a picture that it could not give. */
async function whyNot(url: string): Promise<string> {
  try {
    const answer = await fetch(url);
    const fault = (await answer.json()) as { message?: string };
    return sentence(fault.message ?? "The picture can't be shown");
  } catch {
    return "The picture can't be shown just now";
  }
}

function Drift({ project, item, view }: { project: string; item: number; view: View }) {
  const { data, error } = useTrajectory(project, item, view.identity);
  if (error) return <Missing reason={sentence(error.message)} />;
  return data ? <Trajectory data={data} /> : <Skeleton height="100%" radius={0} aria-label="loading" />;
}

function Fit({ project, item, view }: { project: string; item: number; view: View }) {
  const { data, error } = useCurves(project, item, view.identity);
  if (error) return <Missing reason={sentence(error.message)} />;
  return data ? <Curves data={data} /> : <Skeleton height="100%" radius={0} aria-label="loading" />;
}
