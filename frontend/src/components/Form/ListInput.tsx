import { MultiSelect, TagsInput, TextInput } from "@mantine/core";
import { useState } from "react";
import { Unit, type InputProps } from "./FieldInput";

type Common = Record<string, unknown>;

/** Lists: numbers with commas, texts as tags, choices to tick, items by their names. */
export function ListInput({ field, value, onChange, common }: InputProps & { common: Common }) {
  if (field.numbers) return <NumbersInput value={value} onChange={onChange} common={common} unit={field.unit} />;
  if (field.kind === "named") return <NamesInput value={value} onChange={onChange} common={common} />;
  const texts = Array.isArray(value) ? value.map(String) : [];
  const change = (given: string[]) => onChange(given.length ? given : undefined);
  if (field.choices.length > 0) return <MultiSelect {...common} data={field.choices.map(String)} value={texts} onChange={change} />;
  return <TagsInput {...common} value={texts} onChange={change} splitChars={field.paths ? ["\n"] : [","]} acceptValueOnBlur />;
}

function NumbersInput({ value, onChange, common, unit }: { value: unknown; onChange: (value: unknown) => void; common: Common; unit: string | null }) {
  const told = Array.isArray(value) ? value.join(", ") : "";
  const [text, setText] = useState<string | null>(null);
  return (
    <TextInput
      {...common}
      value={text ?? told}
      onChange={(event) => {
        const given = event.currentTarget.value;
        setText(given);
        const parts = given.split(/[\s,;x×]+/).filter(Boolean).map(Number);
        onChange(parts.length ? parts : undefined);
      }}
      onBlur={() => {
        setText(null);
        (common.onBlur as () => void)();
      }}
      rightSection={unit ? <Unit text={unit} /> : undefined}
      rightSectionWidth={unit ? Math.max(34, 12 + 8 * unit.length) : undefined}
    />
  );
}

/** Items by name; a reason that was given before stays with its item. */
function NamesInput({ value, onChange, common }: { value: unknown; onChange: (value: unknown) => void; common: Common }) {
  const entries = (Array.isArray(value) ? value : []).map((entry) => (typeof entry === "string" ? { item: entry } : (entry as { item: string })));
  return (
    <TagsInput
      {...common}
      value={entries.map((entry) => entry.item)}
      onChange={(names) => onChange(names.length ? names.map((name) => entries.find((entry) => entry.item === name) ?? { item: name }) : undefined)}
      acceptValueOnBlur
    />
  );
}
