import { Skeleton } from "@mantine/core";
import { sentence } from "@/components/Fault/Fault";
import { lookOf } from "@/components/State/StateBadge";
import type { Schemas } from "@/client/client";
import type { Pulse } from "./session";
import classes from "./Session.module.css";

type Alarm = Schemas["AlarmView"];

/** Whether the session is well, in one sentence: what a tired person reads first. */
export function Headline({ pulse, alarms }: { pulse: Pulse | undefined; alarms: Alarm[] }) {
  if (!pulse) return <Skeleton height={52} aria-label="Looking at the session" />;
  const { state, text } = wordsOf(pulse, alarms);
  const look = lookOf(state);
  return (
    <div className={classes.headline} style={{ borderLeftColor: look.colour }} role="status" data-state={state}>
      <look.icon size={26} color={look.colour} aria-hidden />
      <h1>
        <span style={{ color: look.colour }}>{WORDS[state]}</span>
        {text}
      </h1>
    </div>
  );
}

const WORDS: Record<string, string> = { ok: "", mild: "Look: ", severe: "Bad: ", unknown: "" };

/** The worst first: an open alarm that is more than what the figures say, else the figures' own sentence. */
function wordsOf(pulse: Pulse, alarms: Alarm[]): { state: Pulse["state"]; text: string } {
  const first = alarms.find((alarm) => alarm.severity === "severe") ?? alarms[0];
  const worse = first && pulse.state !== "severe" && (first.severity === "severe" || pulse.state !== "mild");
  if (!worse) return { state: pulse.state, text: pulse.headline };
  const more = alarms.length > 1 ? ` And ${alarms.length - 1} more ${alarms.length === 2 ? "alarm" : "alarms"}.` : "";
  return { state: first.severity, text: `${sentence(first.sentence).replace(/\.$/, "")}.${more}` };
}
