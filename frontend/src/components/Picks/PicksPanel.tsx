import { Link } from "react-router";
import { formatCount, formatNumber } from "@/components/format";
import viewer from "@/components/Viewer/Viewer.module.css";
import { DASHES, HAND, SCALE } from "./drawPicks";
import { LimitSlider } from "./LimitSlider";
import type { PickLayer } from "./usePickLayer";
import classes from "./Picks.module.css";

/** Beside the image: whose picks, thresholds, counts, and changes by hand. */
export function PicksPanel({ layer }: { layer: PickLayer }) {
  const { data, limits, mayChange, editing } = layer;
  if (!layer.shown || !data) return null;
  const hasScores = layer.scoreRange !== null;
  return (
    <section aria-label="Picks" className={classes.onDark}>
      <h2>Picks</h2>
      {data.jobs.length > 0 && layer.classes === null && (
        <div className={viewer.row}>
          <select className={viewer.select} style={{ maxWidth: "100%", flex: 1 }} aria-label="Whose picks" value={data.job ?? ""} onChange={(event) => layer.setJob(event.target.value)}>
            {data.jobs.map((job) => (
              <option key={job.job} value={job.job}>
                J{job.job} {job.title}
              </option>
            ))}
          </select>
        </div>
      )}
      {layer.classes !== null && (
        <div className={viewer.row}>
          <span style={{ flex: 1 }}>Particles of {layer.classes === "all" ? "all classes" : `class ${layer.classes.split(",").join(", ")}`}</span>
          <button type="button" className={viewer.button} onClick={() => layer.setClasses("")}>
            All picks
          </button>
        </div>
      )}
      {data.reason && <p style={{ margin: "4px 0" }} className={viewer.quiet}>{data.reason}</p>}
      {hasScores && layer.classes === null && (
        <>
          <LimitSlider label="Min score" value={limits.min_score} rest={layer.keptFrom ?? "low"} range={layer.scoreRange} set={(min_score) => layer.setLimits({ min_score })} />
          <LimitSlider label="Min power" value={limits.min_power} rest="low" range={layer.powerRange} set={(min_power) => layer.setLimits({ min_power })} />
          <LimitSlider label="Max power" value={limits.max_power} rest="high" range={layer.powerRange} set={(max_power) => layer.setLimits({ max_power })} />
        </>
      )}
      <div className={classes.counts} aria-live="polite">
        <span>This image</span>
        <b>{formatCount(layer.here)}</b>
        {layer.counts && (
          <>
            <span>All {formatCount(layer.counts.images)} images</span>
            <b>{formatCount(layer.counts.kept)}</b>
          </>
        )}
      </div>
      {hasScores && layer.classes === null && (
        <>
          <div className={viewer.row}>
            <label>
              <input type="checkbox" checked={layer.below} onChange={(event) => layer.setBelow(event.target.checked)} /> Show those below the thresholds (X)
            </label>
          </div>
          {layer.differ && (
            <div className={classes.tools}>
              {mayChange && (
                <button type="button" className={viewer.button} style={{ border: "1px solid #3a4147" }} disabled={layer.applying} onClick={layer.apply}>
                  Apply to all images
                </button>
              )}
              <button type="button" className={viewer.button} onClick={layer.resetLimits}>
                Back to those set
              </button>
            </div>
          )}
        </>
      )}
      <Legend layer={layer} />
      {layer.classes === null && mayChange && <EditTools layer={layer} />}
      {data.base !== null && layer.project && (
        <Link className={viewer.button} style={{ padding: 0, justifyContent: "flex-start", textDecoration: "underline" }} to={`/p/${layer.project}/jobs/${data.base}/picks`}>
          Thresholds over all images
        </Link>
      )}
      {editing && <p className={viewer.quiet} style={{ margin: "6px 0" }}>Click adds a pick, a click on a circle takes it away, dragging moves it.</p>}
    </section>
  );
}

function Legend({ layer }: { layer: PickLayer }) {
  const { data, scoreRange, colours } = layer;
  return (
    <>
      {scoreRange && layer.classes === null && (
        <div className={classes.scale}>
          <span>score {formatNumber(colours[0], 1)}</span>
          <i style={{ background: `linear-gradient(90deg, ${SCALE.join(", ")})` }} aria-hidden />
          <span>{formatNumber(colours[1], 1)}</span>
        </div>
      )}
      {data && data.sources.length > 1 && data.sources.map((name, index) => (
        <div key={name} style={{ fontSize: 12 }}>
          <Line dash={DASHES[index % DASHES.length]!} colour="#e6e8ea" /> {name}
        </div>
      ))}
      {layer.hands > 0 && (
        <div style={{ fontSize: 12 }}>
          <Line dash={[]} colour={HAND} plus /> by hand ({layer.hands})
        </div>
      )}
    </>
  );
}

function Line({ dash, colour, plus }: { dash: readonly number[]; colour: string; plus?: boolean }) {
  return (
    <svg className={classes.line} viewBox="0 0 26 12" height={12} aria-hidden>
      <path d="M1 6H25" stroke={colour} strokeWidth={2} strokeDasharray={dash.join(" ")} />
      {plus && <path d="M13 2V10" stroke={colour} strokeWidth={2} />}
    </svg>
  );
}

function EditTools({ layer }: { layer: PickLayer }) {
  const { edits, editing, brush } = layer;
  return (
    <div className={classes.tools} role="group" aria-label="Change picks by hand">
      <button type="button" className={viewer.button} style={{ border: "1px solid #3a4147" }} aria-pressed={editing} onClick={layer.toggleEditing}>
        {editing ? "Done (E)" : "Pick by hand (E)"}
      </button>
      {editing && (
        <>
          <button type="button" className={viewer.button} aria-pressed={brush} onClick={() => layer.setBrush(!brush)} title="Rub picks out (B)">
            Rub out (B)
          </button>
          <button type="button" className={viewer.button} disabled={!edits.canUndo} onClick={edits.undo} title="Undo (Z)">
            Undo
          </button>
          <button type="button" className={viewer.button} disabled={!edits.canRedo} onClick={edits.redo} title="Redo (Y)">
            Redo
          </button>
        </>
      )}
      {(editing || edits.unsaved > 0) && (
        <button type="button" className={viewer.button} style={{ border: "1px solid #3a4147" }} disabled={edits.unsaved === 0 || edits.saving} onClick={() => void edits.save()} title="Save (W)">
          {edits.saving ? "Saving …" : edits.unsaved ? `Save ${edits.unsaved} (W)` : "Saved"}
        </button>
      )}
    </div>
  );
}
