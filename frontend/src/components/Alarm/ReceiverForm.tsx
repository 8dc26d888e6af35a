import { Button, Group, Paper, PasswordInput, SegmentedControl, Stack, Switch, Text, TextInput } from "@mantine/core";
import { useState } from "react";
import type { ReceiverGiven, ReceiverView } from "./useAlarms";

interface Props {
  receiver: ReceiverView | undefined;
  busy: boolean;
  save: (given: ReceiverGiven) => void;
  cancel: () => void;
}

/** Add or change somebody who is told; an address that is left empty stays as it is. */
export function ReceiverForm({ receiver, busy, save, cancel }: Props) {
  const [name, setName] = useState(receiver?.name ?? "");
  const [url, setUrl] = useState("");
  const [level, setLevel] = useState<"mild" | "severe">(receiver?.level ?? "mild");
  const [active, setActive] = useState(receiver?.active ?? true);
  return (
    <Paper withBorder p="md" component="form" maw={560} onSubmit={(event) => {
      event.preventDefault();
      save({ name, url: url || null, level, active, before: receiver?.name ?? null });
    }}>
      <Stack gap="sm">
        <TextInput label="Name" required value={name} onChange={(event) => setName(event.currentTarget.value)} data-autofocus />
        <PasswordInput
          label="Address"
          required={!receiver}
          autoComplete="off"
          description="Such as mailtos://user:password@server?to=me@lab.org or json://host/path"
          placeholder={receiver ? `${receiver.url} (unchanged)` : ""}
          value={url}
          onChange={(event) => setUrl(event.currentTarget.value)}
        />
        <div>
          <Text size="sm" fw={500} mb={4} id="receiver-level">
            Told of
          </Text>
          <SegmentedControl
            aria-labelledby="receiver-level"
            value={level}
            onChange={(value) => setLevel(value as "mild" | "severe")}
            data={[
              { value: "mild", label: "All alarms" },
              { value: "severe", label: "Severe ones only" },
            ]}
          />
        </div>
        <Switch label="Active" checked={active} onChange={(event) => setActive(event.currentTarget.checked)} />
        <Group gap="sm">
          <Button type="submit" loading={busy}>
            Save receiver
          </Button>
          <Button variant="subtle" onClick={cancel}>
            Cancel
          </Button>
        </Group>
      </Stack>
    </Paper>
  );
}
