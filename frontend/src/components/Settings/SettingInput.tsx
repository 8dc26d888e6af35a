import { NumberInput, Select, TextInput } from "@mantine/core";
import { useEffect, useRef } from "react";
import { sentence } from "@/components/Fault/Fault";
import type { SettingField } from "./SettingsCard";

interface Given {
  field: SettingField;
  value: unknown;
  changed: boolean;
  onChange: (value: unknown) => void;
  disabled: boolean;
  focus: boolean;
}

/** One setting with unit, help and where its value comes from. */
export function SettingInput({ field, value, changed, onChange, disabled, focus }: Given) {
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (focus) input.current?.focus();
  }, [focus]);
  const label = `${sentence(field.name.replace(/_/g, " "))}${field.unit ? ` / ${field.unit}` : ""}`;
  const origin = changed ? "not applied yet" : field.origin ? `set by ${field.origin}` : "not set";
  const common = { ref: input, label, description: `${sentence(field.help)} · ${origin}`, disabled, size: "sm" as const, inputWrapperOrder: ["label", "input", "description", "error"] as ("label" | "input" | "description" | "error")[] };
  if (field.kind === "choice") {
    return <Select {...common} data={field.choices} value={value === null || value === undefined ? null : String(value)} onChange={onChange} clearable placeholder="as by default" />;
  }
  if (field.kind === "number") {
    const number = typeof value === "number" ? value : "";
    const wrong = typeof number === "number" && outside(field, number);
    return <NumberInput {...common} value={number} onChange={(next) => onChange(typeof next === "number" ? next : null)} error={wrong} hideControls decimalScale={6} placeholder="not set" />;
  }
  if (field.kind === "list") return <ListInput common={common} value={value} onChange={onChange} />;
  return <TextInput {...common} value={String(value ?? "")} onChange={(event) => onChange(event.currentTarget.value || null)} placeholder="path of a file on the server" spellCheck={false} autoCapitalize="off" />;
}

function outside(field: SettingField, number: number): string | false {
  if (field.least !== null && (field.least_open ? number <= field.least : number < field.least)) return `${field.least_open ? "more than" : "at least"} ${field.least}`;
  if (field.most !== null && number > field.most) return `at most ${field.most}`;
  return false;
}

function ListInput({ common, value, onChange }: { common: Record<string, unknown>; value: unknown; onChange: (value: unknown) => void }) {
  const text = Array.isArray(value) ? value.join(", ") : "";
  const read = (written: string) => {
    const numbers = written.split(/[,;\s]+/).filter(Boolean).map(Number);
    if (numbers.length === 0) onChange(null);
    else if (numbers.every(Number.isFinite)) onChange(numbers);
  };
  return <TextInput {...common} key={text} defaultValue={text} onBlur={(event) => read(event.currentTarget.value)} placeholder="numbers, separated by commas" />;
}
