import { ActionIcon, TextInput, Tooltip } from "@mantine/core";
import { IconDice5 } from "@tabler/icons-react";
import { SHORTEST } from "./PasswordForm";

const SIGNS = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";

/** A password for somebody else, in plain sight, for it must be told to them. */
export function NewPassword({ label, value, onChange }: { label: string; value: string; onChange: (value: string) => void }) {
  const make = () => {
    const numbers = crypto.getRandomValues(new Uint32Array(16));
    onChange(Array.from(numbers, (number) => SIGNS[number % SIGNS.length]).join(""));
  };
  return (
    <TextInput
      label={label} required autoComplete="new-password" spellCheck={false} maxLength={256} w={240} value={value}
      error={value && value.length < SHORTEST ? `at least ${SHORTEST} characters` : undefined}
      onChange={(event) => onChange(event.currentTarget.value)}
      rightSection={
        <Tooltip label="Make one">
          <ActionIcon variant="subtle" aria-label="Make a password" onClick={make}>
            <IconDice5 size={18} />
          </ActionIcon>
        </Tooltip>
      }
    />
  );
}
