import { NativeSelect } from "@mantine/core";
import type { Role } from "@/hooks/useMe";

interface Props {
  label: string;
  /** The word for no role. */
  none: string;
  value: Role | null;
  onChange: (role: Role | null) => void;
  disabled?: boolean;
}

/** Viewer, operator, owner, or none. */
export function RoleSelect({ label, none, value, onChange, disabled }: Props) {
  return (
    <NativeSelect
      label={label} disabled={disabled} w={200} value={value ?? ""}
      data={[{ value: "", label: none }, "viewer", "operator", "owner"]}
      onChange={(event) => onChange((event.currentTarget.value || null) as Role | null)}
    />
  );
}
