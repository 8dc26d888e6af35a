import { TextInput } from "@mantine/core";
import type { InputProps } from "./FieldInput";

/** A file of the server by its path. */
export function FileInput({ value, onChange, common }: InputProps & { common: Record<string, unknown> }) {
  return (
    <TextInput
      {...common}
      value={String(value ?? "")}
      onChange={(event) => onChange(event.currentTarget.value || undefined)}
      spellCheck={false}
      autoCapitalize="off"
    />
  );
}
