import { Skeleton, Tooltip } from "@mantine/core";
import { memo } from "react";
import { Sparkline } from "@/components/Chart/Sparkline";
import { formatCount, formatDuration, largerIsWorse, shown, UNKNOWN } from "@/components/format";
import { lookOf } from "@/components/State/StateBadge";
import type { Pulse, PulseFigure } from "./session";
import classes from "./Session.module.css";

/** The figures of the session, each with its state as icon, word and colour, and its small curve. */
export function Strip({ pulse }: { pulse: Pulse | undefined }) {
  const number = pulse?.figures.length ?? 11;
  return (
    <dl className={classes.strip} style={{ margin: 0, "--figures": number, "--half": Math.ceil(number / 2) } as React.CSSProperties} aria-label="Figures of the session">
      {pulse
        ? pulse.figures.map((figure) => <Figure key={figure.name} figure={figure} />)
        : Array.from({ length: 11 }, (_, n) => <Skeleton key={n} height={126} />)}
    </dl>
  );
}

const Figure = memo(function Figure({ figure }: { figure: PulseFigure }) {
  const look = lookOf(figure.state);
  const { text, unit } = valueOf(figure);
  return (
    <div className={classes.figure} data-figure={figure.name} data-state={figure.state}>
      <dt>{figure.label}</dt>
      <dd className={classes.value}>
        {text} <small>{unit}</small>
      </dd>
      <Tooltip label={figure.words} multiline maw={280} openDelay={300}>
        <dd className={classes.words}>
          <span className={classes.state} style={{ color: look.colour }}>
            <look.icon size={13} aria-hidden />
            {look.word}
          </span>
          {figure.words && ": "}
          {figure.words}
        </dd>
      </Tooltip>
      <div className={classes.spark}>
        <Sparkline values={figure.spark} turned={largerIsWorse(figure.name)} zero={figure.name === "rate"} />
      </div>
    </div>
  );
});

/** The large number of a figure. */
function valueOf(figure: PulseFigure): { text: string; unit: string } {
  const { name, value } = figure;
  if (name === "disk") return { text: figure.free === null ? UNKNOWN : figure.free.toFixed(figure.free < 10 ? 1 : 0), unit: "GB free" };
  if (value === null) return { text: UNKNOWN, unit: "" };
  if (name === "age") return { text: formatDuration(Math.max(1, value)), unit: "" };
  if (name === "rate") return { text: formatCount(value), unit: "/h" };
  if (name === "kept") return { text: value.toFixed(value > 99 && value < 100 ? 1 : 0), unit: "%" };
  if (name === "processed") return { text: formatCount(value), unit: "" };
  if (name === "queue" || name === "picks_found") return { text: formatCount(value), unit: name === "queue" ? "images" : "" };
  const { unit, scale, digits } = shown(name, figure.unit);
  return { text: (value * scale).toFixed(digits), unit: unit === "e/px/frame" ? "e/px" : (unit ?? "") };
}
