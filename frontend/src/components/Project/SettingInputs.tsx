import { ActionIcon, NumberInput, Select, TextInput, Tooltip } from "@mantine/core";
import { IconFolderOpen } from "@tabler/icons-react";
import classes from "./Project.module.css";
import type { SettingField } from "./queries";

export type SettingValues = Record<string, unknown>;

interface Given {
  fields: SettingField[];
  values: SettingValues;
  onChange: (name: string, value: unknown) => void;
}

/** Settings of a project, made from their declarations: with unit, limits and what the site begins with. */
export function SettingInputs({ fields, values, onChange }: Given) {
  return (
    <div className={classes.settings}>
      {fields.map((field) => (
        <SettingInput key={field.name} field={field} value={values[field.name]} onChange={(value) => onChange(field.name, value)} />
      ))}
    </div>
  );
}

function SettingInput({ field, value, onChange }: { field: SettingField; value: unknown; onChange: (value: unknown) => void }) {
  const common = {
    label: field.unit ? `${field.title} (${field.unit})` : field.title,
    description: saysMore(field) ? field.help : undefined,
    placeholder: field.default == null ? "not known" : `${String(field.default)} (of this site)`,
    inputWrapperOrder: ["label", "input", "description", "error"] as ("label" | "input" | "description" | "error")[],
  };
  if (field.kind === "number") {
    return (
      <NumberInput
        {...common}
        value={typeof value === "number" ? value : ""}
        min={field.minimum ?? undefined}
        max={field.maximum ?? undefined}
        decimalScale={6}
        hideControls
        onChange={(next) => onChange(typeof next === "number" ? next : undefined)}
      />
    );
  }
  if (field.kind === "choice") {
    return <Select {...common} clearable data={field.choices} value={typeof value === "string" ? value : null} onChange={(next) => onChange(next ?? undefined)} />;
  }
  const text = Array.isArray(value) ? value.join(", ") : String(value ?? "");
  return (
    <TextInput
      {...common}
      className={field.kind === "file" ? classes.wide : undefined}
      value={text}
      onChange={(event) => onChange(event.currentTarget.value || undefined)}
      spellCheck={false}
      autoCapitalize="off"
    />
  );
}

/** Whether the help says more than the title does. */
function saysMore({ title, help }: SettingField): boolean {
  const words = new Set(title.toLowerCase().split(/\s+/));
  return help.toLowerCase().split(/\W+/).filter((word) => word.length > 3 && !words.has(word)).length > 1;
}

/** What was typed as the server takes it: lists of numbers from text. */
export function settingsToSend(fields: SettingField[], values: SettingValues): SettingValues {
  const found: SettingValues = {};
  for (const field of fields) {
    const value = values[field.name];
    if (value === undefined || value === "") continue;
    found[field.name] = field.kind === "numbers" && typeof value === "string" ? value.split(/[\s,;]+/).filter(Boolean).map(Number) : value;
  }
  return found;
}

/** A path with a button that opens the folder chooser. */
export function PathInput({ label, description, value, placeholder, onChange, onBrowse, required }: {
  label: string;
  description?: string;
  value: string;
  placeholder?: string;
  onChange: (value: string) => void;
  onBrowse: () => void;
  required?: boolean;
}) {
  return (
    <TextInput
      label={label}
      description={description}
      value={value}
      placeholder={placeholder}
      required={required}
      onChange={(event) => onChange(event.currentTarget.value)}
      spellCheck={false}
      autoCapitalize="off"
      rightSection={
        <Tooltip label="Choose a folder">
          <ActionIcon variant="subtle" onClick={onBrowse} aria-label={`Choose ${label.toLowerCase()}`}>
            <IconFolderOpen size={18} />
          </ActionIcon>
        </Tooltip>
      }
    />
  );
}
