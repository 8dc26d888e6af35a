import { MultiSelect, Text } from "@mantine/core";
import { formatCount } from "@/components/format";
import { useFittingInputs } from "./queries";

interface Props {
  project: string;
  type: string;
  job?: number;
  /** `null`: what is taken unless chosen. */
  value: string[] | null;
  onChange: (value: string[] | null) => void;
  error?: string;
  disabled?: boolean;
}

/** Which jobs' items it takes: only outputs that fit are offered. */
export function InputsChooser({ project, type, job, value, onChange, error, disabled }: Props) {
  const { data } = useFittingInputs(project, type, job);
  const inputs = data?.inputs ?? [];
  const chosen = value ?? data?.default ?? [];
  const byName = new Map(inputs.map((entry) => [entry.input, entry]));
  const several = new Set(inputs.filter((entry) => entry.output !== "items").map((entry) => entry.job));
  const label = (name: string) => {
    const entry = byName.get(name);
    if (!entry) return name;
    const kept = entry.output === "items" ? (several.has(entry.job) ? " (kept)" : "") : ` (${entry.output.replace("_", " ")})`;
    return `J${entry.job} ${entry.title}${kept}`;
  };
  const names = [...new Set([...inputs.map((entry) => entry.input), ...chosen])];
  return (
    <MultiSelect
      label="Input"
      size="sm"
      searchable
      limit={50}
      disabled={disabled}
      data={names.map((name) => ({ value: name, label: label(name) }))}
      value={chosen}
      onChange={(given) => onChange(given.length ? given : null)}
      error={error}
      nothingFoundMessage="No job gives what it needs"
      placeholder={chosen.length ? undefined : "no job gives what it needs yet"}
      renderOption={({ option }) => {
        const entry = byName.get(option.value);
        return (
          <div style={{ display: "flex", justifyContent: "space-between", gap: 12, width: "100%" }}>
            <Text size="sm" truncate>{option.label}</Text>
            <Text size="xs" c="dimmed" style={{ whiteSpace: "nowrap" }}>{entry ? `${formatCount(entry.count)} items · ${entry.type}` : ""}</Text>
          </div>
        );
      }}
    />
  );
}
