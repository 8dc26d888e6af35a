import { Button, Group, PasswordInput } from "@mantine/core";
import { useState, type FormEvent } from "react";
import { client, need } from "@/client/client";
import { Fault } from "@/components/Fault/Fault";
import { useChange } from "./useAccount";

export const SHORTEST = 10;

/** A new password in place of the present one; other browsers are signed out by it. */
export function PasswordForm({ name }: { name: string }) {
  const [present, setPresent] = useState("");
  const [next, setNext] = useState("");
  const change = useChange(
    () => need(client.POST("/api/me/password", { body: { present, new: next } })),
    () => "The password is changed; all other browsers are signed out",
    true,
  );
  const submit = (event: FormEvent) => {
    event.preventDefault();
    change.mutate(undefined, { onSuccess: () => (setPresent(""), setNext("")) });
  };
  const short = next.length > 0 && next.length < SHORTEST;
  return (
    <form onSubmit={submit} aria-label="Change password">
      <input type="text" name="username" autoComplete="username" value={name} readOnly hidden />
      <Group align="flex-end" gap="sm">
        <PasswordInput
          label="Present password" autoComplete="current-password" required value={present} maxLength={256} w={220}
          onChange={(event) => setPresent(event.currentTarget.value)}
        />
        <PasswordInput
          label="New password" autoComplete="new-password" required value={next} maxLength={256} w={220}
          error={short ? `at least ${SHORTEST} characters` : undefined} inputWrapperOrder={["label", "error", "input"]}
          onChange={(event) => setNext(event.currentTarget.value)}
        />
        <Button type="submit" variant="light" loading={change.isPending} disabled={!present || next.length < SHORTEST}>
          Change password
        </Button>
      </Group>
      {change.error && <Fault error={change.error} />}
    </form>
  );
}
