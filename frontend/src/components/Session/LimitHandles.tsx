import { Button, Group, NumberInput, Popover, Stack, Text, ActionIcon, SimpleGrid } from "@mantine/core";
import { IconRuler2 } from "@tabler/icons-react";
import { useEffect, useRef, useState, type KeyboardEvent, type PointerEvent } from "react";
import { BASE, FOOT, padded, TOP, type PanelData, type PanelLimits } from "@/components/Chart/panel";
import { rounded, type Writing } from "@/components/Chart/scale";
import { columnName } from "./session";
import classes from "./Session.module.css";

export const LEVELS = ["severe_low", "mild_low", "mild_high", "severe_high"] as const;
type Level = (typeof LEVELS)[number];

interface Given {
  column: string;
  data: PanelData;
  writing: Writing;
  height: number;
  foot: boolean;
  /** Sets the limits of the column; not given where the user may not. */
  onLimits?: (limits: PanelLimits) => void;
}

/** A handle for each limit that is in sight: dragged, or moved by the arrow keys. */
export function LimitHandles({ column, data, writing, height, foot, onLimits }: Given) {
  const [drawn, setDrawn] = useState<{ level: Level; value: number } | null>(null);
  const dragging = useRef(false);
  const later = useRef<ReturnType<typeof setTimeout>>(undefined);
  // What was dragged is shown until the project says the same.
  useEffect(() => setDrawn(null), [data.limits]);
  const room = height - TOP - (foot ? FOOT : BASE);
  const [low, high] = padded(data);
  const placeOf = (value: number) => {
    const part = (value - low) / (high - low);
    return TOP + (writing.turned ? part : 1 - part) * room;
  };
  const valueAt = (y: number) => {
    const part = Math.min(1, Math.max(0, (y - TOP) / room));
    return rounded(low + (writing.turned ? part : 1 - part) * (high - low), high - low, writing.scale);
  };
  const lanes = lanesOf(data.limits, low, high, placeOf);
  const set = (level: Level, value: number) => onLimits?.({ ...(data.limits ?? NONE), [level]: value });
  return LEVELS.map((level) => {
    const kept = data.limits?.[level];
    const value = drawn?.level === level ? drawn.value : kept;
    if (value == null || value < low || value > high) return null;
    const mild = level.startsWith("mild");
    const word = mild ? "mild" : "severe";
    const y = (event: PointerEvent<HTMLElement>) => event.clientY - (event.currentTarget.offsetParent?.getBoundingClientRect().top ?? 0);
    const events = onLimits && {
      onPointerDown: (event: PointerEvent<HTMLElement>) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        dragging.current = true;
        setDrawn({ level, value });
      },
      onPointerMove: (event: PointerEvent<HTMLElement>) => {
        if (dragging.current) setDrawn({ level, value: valueAt(y(event)) });
      },
      onPointerUp: () => {
        dragging.current = false;
        if (drawn && drawn.value !== kept) set(level, drawn.value);
        else setDrawn(null);
      },
      onPointerCancel: () => {
        dragging.current = false;
        setDrawn(null);
      },
      onKeyDown: (event: KeyboardEvent) => {
        const by = event.key === "ArrowUp" ? 1 : event.key === "ArrowDown" ? -1 : 0;
        if (!by) return;
        event.preventDefault();
        const step = ((high - low) / 100) * (event.shiftKey ? 10 : 1) * by * (writing.turned ? -1 : 1);
        const next = rounded(value + step, high - low, writing.scale);
        setDrawn({ level, value: next });
        clearTimeout(later.current);
        later.current = setTimeout(() => set(level, next), 600); // held keys are one change
      },
    };
    return (
      <div key={level} style={{ color: `var(--chart-${word})` }}>
        {drawn?.level === level && <div className={classes.drag} style={{ top: placeOf(value) }} />}
        <div
          className={classes.limit}
          style={{ top: placeOf(value), right: EDGE + (lanes[level] ?? 0) * LANE }}
          data-fixed={onLimits ? undefined : true}
          role={onLimits ? "slider" : undefined}
          tabIndex={onLimits ? 0 : undefined}
          aria-orientation={onLimits ? "vertical" : undefined}
          aria-label={`${word} limit of ${columnName(column)}`}
          aria-valuenow={value * writing.scale}
          aria-valuetext={`${writing.text(value)} ${writing.unit ?? ""}`}
          {...events}
        >
          {word} {writing.text(value)}
        </div>
      </div>
    );
  });
}

const EDGE = 12;
/** px from one label to another that stands beside it, and height that a label needs. */
const LANE = 92;
const LABEL = 17;

/** Labels that would cover each other stand side by side, each still on its line. */
function lanesOf(limits: PanelLimits | null | undefined, low: number, high: number, placeOf: (value: number) => number): Partial<Record<Level, number>> {
  const places = LEVELS.flatMap((level) => {
    const value = limits?.[level];
    return value == null || value < low || value > high ? [] : [{ level, at: placeOf(value) }];
  }).sort((a, b) => a.at - b.at);
  const found: Partial<Record<Level, number>> = {};
  const ends: number[] = [];
  for (const { level, at } of places) {
    const free = ends.findIndex((end) => at - end >= LABEL);
    const lane = free < 0 ? ends.length : free;
    ends[lane] = at;
    found[level] = lane;
  }
  return found;
}

const NONE: PanelLimits = { mild_low: null, mild_high: null, severe_low: null, severe_high: null };
/** What was typed, in the catalogue's unit; text such as `10.20` is a number too. */
function numberOf(typed: string | number, scale: number): number | null {
  const value = typed === "" ? NaN : Number(typed);
  return Number.isFinite(value) ? value / scale : null;
}

const TITLES: Record<Level, string> = { severe_low: "Severe below", mild_low: "Mild below", mild_high: "Mild above", severe_high: "Severe above" };

/** The limits of a column in a form, in the unit that people know. */
export function LimitForm({ column, limits, writing, onLimits }: { column: string; limits: PanelLimits | null | undefined; writing: Writing; onLimits: (limits: PanelLimits | null) => void }) {
  const [open, setOpen] = useState(false);
  const [values, setValues] = useState<PanelLimits>(NONE);
  const done = (next: PanelLimits | null) => {
    onLimits(next);
    setOpen(false);
  };
  return (
    <Popover opened={open} onChange={setOpen} position="bottom-end" withArrow trapFocus width={280}>
      <Popover.Target>
        <ActionIcon
          size="sm"
          variant="subtle"
          color="gray"
          aria-label={`Limits of ${columnName(column)}`}
          onClick={() => {
            setValues(limits ?? NONE);
            setOpen(!open);
          }}
        >
          <IconRuler2 size={16} />
        </ActionIcon>
      </Popover.Target>
      <Popover.Dropdown>
        <Stack gap="xs">
          <Text size="sm" fw={600}>
            Limits of {columnName(column).toLowerCase()}
            {writing.unit ? `, ${writing.unit}` : ""}
          </Text>
          <SimpleGrid cols={2} spacing="xs">
            {LEVELS.map((level) => (
              <NumberInput
                key={level}
                size="xs"
                label={TITLES[level]}
                placeholder="none"
                value={values[level] === null ? "" : Number((values[level] * writing.scale).toPrecision(8))}
                onChange={(value) => setValues({ ...values, [level]: numberOf(value, writing.scale) })}
              />
            ))}
          </SimpleGrid>
          <Group justify="space-between">
            <Button size="compact-sm" variant="subtle" onClick={() => done(null)}>
              Defaults
            </Button>
            <Button size="compact-sm" onClick={() => done(values)}>
              Set limits
            </Button>
          </Group>
        </Stack>
      </Popover.Dropdown>
    </Popover>
  );
}
