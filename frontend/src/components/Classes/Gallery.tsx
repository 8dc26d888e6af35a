import { Tooltip } from "@mantine/core";
import { IconCheck, IconStarFilled } from "@tabler/icons-react";
import { useEffect, type MouseEvent, type RefObject } from "react";
import { formatCount, formatNumber, UNKNOWN } from "@/components/format";
import { averageUrl, type ClassAverage, type ClassRun } from "./classes";
import classes from "./Classes.module.css";
import type { Chosen } from "./useChosen";

interface Props {
  project: string;
  job: number;
  run: ClassRun;
  order: readonly ClassAverage[];
  state: Chosen;
  size: number;
  threshold: number;
  grid: RefObject<HTMLDivElement | null>;
  onOpen: (number: number) => void;
}

/** The averages; a click chooses, Shift and a click a range, a double click or Enter opens one. */
export function Gallery({ project, job, run, order, state, size, threshold, grid, onOpen }: Props) {
  const { cursor } = state;
  useEffect(() => {
    if (cursor === null) return;
    grid.current?.querySelector(`[data-number="${cursor}"]`)?.scrollIntoView({ block: "nearest" });
  }, [cursor, grid]);
  return (
    <div
      ref={grid}
      role="listbox"
      aria-label="Class averages"
      aria-multiselectable
      tabIndex={0}
      aria-activedescendant={cursor === null ? undefined : `class-${cursor}`}
      className={classes.grid}
      style={{ "--tile": `${size}px` } as React.CSSProperties}
      onFocus={(event) => {
        if (event.target === grid.current && cursor === null && order[0] && grid.current?.matches(":focus-visible")) state.setCursor(order[0].number);
      }}
    >
      {order.map((one) => (
        <Tile
          key={one.number}
          one={one}
          url={averageUrl(project, job, run, one.number, size)}
          chosen={state.chosen.has(one.number)}
          cursor={one.number === cursor}
          kept={one.quality !== null && one.quality >= threshold}
          small={size < 100}
          large={size > 150}
          onClick={(event) => state.toggle(one.number, event.shiftKey)}
          onOpen={() => onOpen(one.number)}
        />
      ))}
    </div>
  );
}

interface TileProps {
  one: ClassAverage;
  url: string;
  chosen: boolean;
  cursor: boolean;
  /** The threshold keeps it. */
  kept: boolean;
  small: boolean;
  large: boolean;
  onClick: (event: MouseEvent) => void;
  onOpen: () => void;
}

function Tile({ one, url, chosen, cursor, kept, small, large, onClick, onOpen }: TileProps) {
  const worth = one.quality === null ? "" : `, quality ${formatNumber(one.quality, 2)}`;
  const told = `Class ${one.number}: ${formatCount(one.particles)} particles (${(100 * one.population).toFixed(1)} %), ${formatNumber(one.resolution, 1)} Å${worth}, rank ${one.rank}${kept ? ", suggested" : ""}`;
  return (
    <div id={`class-${one.number}`} role="option" aria-selected={chosen} aria-label={told} title={told} data-number={one.number} data-cursor={cursor || undefined} className={classes.tile} onClick={onClick} onDoubleClick={onOpen}>
      <img src={url} alt="" className={classes.picture} loading="lazy" decoding="async" draggable={false} />
      {chosen && <span className={classes.check} aria-hidden><IconCheck size={15} stroke={3} /></span>}
      {kept && (
        <Tooltip label="Above the threshold of quality" openDelay={600}>
          <span className={classes.mark} aria-hidden><IconStarFilled size={12} /></span>
        </Tooltip>
      )}
      <div className={classes.label} aria-hidden>
        <b>{large ? "Class " : ""}{one.number}</b>
        <span>{one.particles ? `${formatCount(one.particles)}${large ? " particles" : ""}` : "empty"}</span>
        {!small && <span className={classes.quiet}>{one.particles ? `${(100 * one.population).toFixed(1)} %` : ""}</span>}
        <span className={classes.quiet} style={small ? { gridColumn: "1 / -1" } : undefined}>{one.resolution === null ? UNKNOWN : `${one.resolution.toFixed(1)} Å`}</span>
      </div>
    </div>
  );
}

