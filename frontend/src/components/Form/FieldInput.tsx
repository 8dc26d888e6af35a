import { Anchor, NumberInput, SegmentedControl, Select, Stack, Switch, Text, TextInput, Tooltip } from "@mantine/core";
import { useState } from "react";
import { Link } from "react-router";
import { faultOf, limitText, valueText, type Field } from "./fields";
import { FileInput } from "./FileInput";
import classes from "./Form.module.css";
import { ListInput } from "./ListInput";
import type { Inherited } from "./SchemaForm";

export interface InputProps {
  field: Field;
  /** Name by which the server speaks of it, such as `select.fraction`. */
  place: string;
  value: unknown;
  inherited?: Inherited;
  /** Nothing can be computed before it is known, and it is known from nowhere. */
  lacking?: boolean;
  faults: Record<string, string>;
  onChange: (value: unknown) => void;
  project: string;
}

/** What stands in an empty field: the inherited value, or the default, with where it comes from. */
export function emptyText(field: Field, inherited?: Inherited): string {
  const unit = field.unit === "fraction" ? null : field.unit;
  if (inherited && inherited.value !== null) return `${valueText(inherited.value, unit)}, from the ${inherited.origin}`;
  if (field.fallback !== null && field.fallback !== "") return `${valueText(field.fallback, unit)} by default`;
  return field.required || field.needed ? "needed" : field.inherits ? "from the movie or the project" : "unset";
}

/** One field of any kind, with its label, help, limits and what is wrong with it. */
export function FieldInput(props: InputProps) {
  const { field, place, value, inherited, lacking, faults, onChange, project } = props;
  const [touched, setTouched] = useState(false);
  const wrong = faultOf(field, value);
  const error = faults[place] ?? (wrong && (touched || wrong !== "needed") ? wrong : undefined);
  const common = {
    label: <Label field={field} lacking={lacking} set={value !== undefined && value !== null && value !== ""} reset={() => onChange(undefined)} />,
    error,
    size: "sm" as const,
    onBlur: () => setTouched(true),
    placeholder: emptyText(field, inherited),
    description: field.needed && field.inherits ? <Where project={project} name={field.name} lacking={lacking} /> : undefined,
    inputWrapperOrder: ["label", "input", "description", "error"] as ("label" | "input" | "description" | "error")[],
    "aria-required": field.required || lacking,
    classNames: { root: classes.input },
    "aria-label": field.title,
  };
  if (field.kind === "union") return <UnionInput {...props} error={error} />;
  if (field.kind === "number") {
    return (
      <NumberInput
        {...common}
        value={typeof value === "number" || typeof value === "string" ? value : ""}
        onChange={(given) => onChange(given === "" ? undefined : given)}
        allowDecimal={!field.limits.whole}
        decimalScale={field.limits.whole ? 0 : undefined}
        clampBehavior="none"
        hideControls={!field.limits.whole}
        rightSection={field.unit ? <Unit text={field.unit} /> : undefined}
        rightSectionWidth={field.unit ? Math.max(34, 12 + 8 * field.unit.length) : undefined}
      />
    );
  }
  if (field.kind === "boolean") return <YesNo field={field} value={value} inherited={inherited} label={common.label} onChange={onChange} />;
  if (field.kind === "choice") {
    return (
      <Select
        {...common}
        data={field.choices.map(String)}
        value={value === undefined || value === null ? null : String(value)}
        onChange={(given) => onChange(given === null ? undefined : field.choices.find((choice) => String(choice) === given))}
        allowDeselect
        comboboxProps={{ withinPortal: true }}
      />
    );
  }
  if (field.kind === "list" || field.kind === "named") return <ListInput {...props} common={common} />;
  if (field.kind === "path") return <FileInput {...props} common={common} />;
  return <TextInput {...common} value={String(value ?? "")} onChange={(event) => onChange(event.currentTarget.value || undefined)} />;
}

export function Unit({ text }: { text: string }) {
  return (
    <Text size="xs" c="dimmed" style={{ whiteSpace: "nowrap" }}>
      {text}
    </Text>
  );
}

/** Where else a value can be set that a job can't do without. */
function Where({ project, name, lacking }: { project: string; name: string; lacking?: boolean }) {
  const settings = <Anchor component={Link} inherit to={`/p/${project}/settings?field=${name}`}>the project's settings</Anchor>;
  return lacking ? (
    <Text span inherit c="var(--mantine-color-yellow-text)">Needed: set it here, or for all jobs in {settings}.</Text>
  ) : (
    <>Unless set here, it is taken from {settings}.</>
  );
}

/** Title, a mark where it is set, help on hover and focus, and the way back to what is inherited. */
export function Label({ field, lacking, set, reset }: { field: Field; lacking?: boolean; set: boolean; reset: () => void }) {
  const limits = field.kind === "number" ? limitText(field.limits) : "";
  const help = [field.help, limits].filter(Boolean).join(" · ");
  return (
    <span className={classes.label}>
      {set && <span className={classes.dot} title="set here" />}
      <Tooltip label={help} multiline maw={320} disabled={!help} events={{ hover: true, focus: true, touch: true }} openDelay={200}>
        <span tabIndex={-1}>
          {field.title}
          {(field.required || lacking) && <span aria-hidden> *</span>}
        </span>
      </Tooltip>
      {limits && <Text size="xs" c="dimmed" span fw={400}>{limits}</Text>}
      {set && !field.required && (
        <button type="button" className={classes.reset} aria-label={`Reset ${field.title}`} onClick={reset}>
          reset
        </button>
      )}
    </span>
  );
}

function YesNo({ field, value, inherited, label, onChange }: { field: Field; value: unknown; inherited?: Inherited; label: React.ReactNode; onChange: (value: unknown) => void }) {
  const shown = typeof value === "boolean" ? value : Boolean(inherited?.value ?? field.fallback);
  const text = typeof value === "boolean" ? (value ? "yes" : "no") : emptyText(field, inherited);
  return (
    <Stack gap={4}>
      {label}
      <Switch size="sm" checked={shown} label={text} aria-label={field.title} onChange={(event) => onChange(event.currentTarget.checked)} />
    </Stack>
  );
}

/** One of several kinds, each with fields of its own. */
function UnionInput({ field, place, value, faults, onChange, project, error }: InputProps & { error?: string }) {
  const chosen = (value ?? {}) as Record<string, unknown>;
  const kind = field.kinds.find((one) => one.tag === chosen[field.tagName]);
  const pick = (tag: string | null) => onChange(tag === null ? undefined : { [field.tagName]: tag });
  const data = field.kinds.map((one) => one.tag);
  return (
    <div>
      <Label field={field} set={kind !== undefined} reset={() => onChange(undefined)} />
      {data.length <= 3 ? (
        <SegmentedControl size="xs" data={data} value={kind?.tag ?? ""} onChange={pick} aria-label={field.title} mt={4} />
      ) : (
        <Select size="sm" data={data} value={kind?.tag ?? null} onChange={pick} placeholder="choose a kind" aria-label={field.title} error={kind ? undefined : error} mt={4} />
      )}
      {kind && (
        <div className={classes.kind}>
          <Text size="xs" c="dimmed">{kind.help}</Text>
          {kind.fields.map((part) => (
            <FieldInput
              key={part.name}
              field={part}
              place={`${place}.${part.name}`}
              value={chosen[part.name]}
              faults={faults}
              onChange={(given) => {
                const next = { ...chosen, [part.name]: given };
                if (given === undefined) delete next[part.name];
                onChange(next);
              }}
              project={project}
            />
          ))}
        </div>
      )}
    </div>
  );
}
