import { Anchor, Skeleton, Text } from "@mantine/core";
import { useMemo, useState } from "react";
import { Link } from "react-router";
import { Fault } from "@/components/Fault/Fault";
import { formatCount } from "@/components/format";
import { pictureUrl, useViews, viewerUrl } from "@/components/Image/views";
import { fitted } from "@/components/Viewer/camera";
import { useScreen } from "@/components/Viewer/useScreen";
import { composed, goingOn, usePicks, type Limits, type Point } from "./picks";
import { PickCanvas } from "./PickCanvas";
import classes from "./Picks.module.css";

interface Given {
  project: string;
  item: number;
  job: string;
  limits: Limits;
  scoreRange: Point | null;
  word: string;
}

/** One image with the picks that the thresholds leave, drawn anew as they move. */
export function ImagePicks({ project, item, job, limits, scoreRange, word }: Given) {
  const { data, error } = usePicks(project, item, job, null);
  const views = useViews(project, item).data?.views;
  const view = views?.views.find((one) => one.name === "after" && one.available) ?? views?.views.find((one) => one.name === "before");
  const { ref, screen } = useScreen<HTMLDivElement>();
  const [below, setBelow] = useState(false);
  const size = { width: view?.width ?? 1024, height: view?.height ?? 1024 };
  const edits = useMemo(() => ({ added: (data?.selection?.added ?? []) as Point[], removed: (data?.selection?.removed ?? []) as Point[] }), [data]);
  const picks = useMemo(() => (data ? composed(data, limits, edits, data.selection?.edit_radius ?? 20) : []), [data, limits, edits]);
  const radius = (data?.diameter ?? 150) / (2 * (view?.pixel_size ?? 1));
  return (
    <figure style={{ margin: 0 }} aria-label={`${word}: ${data?.name ?? ""}`}>
      <div ref={ref} className={classes.preview} style={{ aspectRatio: `${size.width} / ${size.height}` }} onPointerDown={() => setBelow(true)} onPointerUp={() => setBelow(false)} onPointerLeave={() => setBelow(false)} title="Press to see those below the thresholds">
        {view && <img src={pictureUrl(project, item, view, 800)} alt={data?.name ?? "micrograph"} draggable={false} />}
        {!view && <Skeleton height="100%" />}
        {view && screen.width > 0 && (
          <PickCanvas picks={picks} camera={fitted(size, screen)} screen={screen} radius={radius} look={{ low: scoreRange?.[0] ?? 0, high: scoreRange?.[1] ?? 1, below, gone: false, hover: null }} />
        )}
      </div>
      <figcaption>
        <Text size="sm">
          <Text span fw={600} inherit style={{ fontVariantNumeric: "tabular-nums" }}>
            {data ? formatCount(goingOn(picks)) : "–"}
          </Text>{" "}
          of {data ? formatCount(data.coordinates.length) : "–"} ·{" "}
          <Anchor component={Link} to={`${viewerUrl(project, item, "after")}&layers=particles&picks=${job}`} inherit>
            {data?.name ?? "…"}
          </Anchor>
        </Text>
        <Text size="xs" c="dimmed">{word}</Text>
      </figcaption>
      {error && <Fault error={error} />}
    </figure>
  );
}
