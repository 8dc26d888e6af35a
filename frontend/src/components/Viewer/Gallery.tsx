import { useMemo } from "react";
import { counted } from "@/components/format";
import { urlOf, type Place } from "./place";
import { useScreen } from "./useScreen";
import classes from "./Viewer.module.css";

const CELL = 160;

/** All frames of a stack, page by page; a click opens one. */
export function Gallery({ place, frames, stamp, start, page, open }: { place: Place; frames: number; stamp: string; start: number; page: (start: number) => void; open: (frame: number) => void }) {
  const { ref, screen } = useScreen<HTMLDivElement>();
  const columns = Math.max(1, Math.floor((screen.width - 16) / CELL));
  const rows = Math.max(1, Math.floor((screen.height - 16) / CELL));
  const count = Math.min(200, columns * rows);
  const shown = Math.min(count, frames - start);
  const cells = useMemo(() => Array.from({ length: Math.max(0, shown) }, (_, i) => start + i), [shown, start]);
  return (
    <section className={classes.pane} aria-label="Gallery">
      <div ref={ref} className={classes.gallery}>
        {screen.width > 0 && (
          <div style={{ position: "relative", width: columns * CELL, height: Math.ceil(shown / columns) * CELL }}>
            <img src={urlOf(place, "gallery", { start, count, columns, cell: CELL, v: stamp })} alt={`Frames ${start} to ${start + shown - 1}`} width={columns * CELL} style={{ position: "absolute" }} />
            {cells.map((frame, index) => (
              <button
                key={frame}
                type="button"
                className={classes.button}
                aria-label={`Open frame ${frame}`}
                style={{ position: "absolute", left: (index % columns) * CELL, top: Math.floor(index / columns) * CELL, width: CELL, height: CELL, alignItems: "flex-end", justifyContent: "flex-start", background: "transparent", fontSize: 11 }}
                onClick={() => open(frame)}
              >
                <span className={classes.badge} style={{ position: "static", padding: "0 4px" }}>
                  {frame}
                </span>
              </button>
            ))}
          </div>
        )}
      </div>
      <div className={classes.bar}>
        <button type="button" className={classes.button} disabled={start === 0} onClick={() => page(Math.max(0, start - count))}>
          Previous page
        </button>
        <span>
          {start} to {start + shown - 1} of {counted(frames, "frame")}
        </span>
        <button type="button" className={classes.button} disabled={start + count >= frames} onClick={() => page(start + count)}>
          Next page
        </button>
      </div>
    </section>
  );
}
