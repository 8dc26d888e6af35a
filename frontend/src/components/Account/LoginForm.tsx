import { Button, PasswordInput, Stack, TextInput } from "@mantine/core";
import { useInterval } from "@mantine/hooks";
import { useMutation } from "@tanstack/react-query";
import { useEffect, useState, type FormEvent } from "react";
import { asFault, client, need } from "@/client/client";
import { Fault } from "@/components/Fault/Fault";

/** Name and password; after too many failed tries it says how long to wait. */
export function LoginForm({ onSignedIn }: { onSignedIn: () => void }) {
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const signIn = useMutation({
    mutationFn: () => need(client.POST("/api/sign-in", { body: { name, password } })),
    onSuccess: onSignedIn,
    onError: () => setPassword(""),
  });
  const wait = useWait(signIn.error);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!wait) signIn.mutate();
  };
  return (
    <form onSubmit={submit} aria-label="Sign in">
      <Stack gap="sm">
        <TextInput
          label="Name" name="username" autoComplete="username" autoCapitalize="none" spellCheck={false} autoFocus required withAsterisk={false}
          maxLength={64} value={name} onChange={(event) => setName(event.currentTarget.value)}
        />
        <PasswordInput
          label="Password" name="password" autoComplete="current-password" required withAsterisk={false} maxLength={256} value={password}
          onChange={(event) => setPassword(event.currentTarget.value)}
        />
        {signIn.error && <Fault error={signIn.error} />}
        <Button type="submit" loading={signIn.isPending} disabled={wait > 0} fullWidth>
          {wait > 0 ? `Wait ${wait} s` : "Sign in"}
        </Button>
      </Stack>
    </form>
  );
}

/** Seconds that are left of the wait that a fault asks for. */
function useWait(error: unknown): number {
  const [left, setLeft] = useState(0);
  const { start, stop } = useInterval(() => setLeft((before) => Math.max(0, before - 1)), 1000);
  useEffect(() => {
    const wanted = error ? Number(asFault(error).context.retry_after ?? 0) : 0;
    setLeft(wanted);
    if (wanted > 0) start();
    return stop;
    // The interval's functions are new each time; only a new fault begins a wait.
  }, [error]);
  return left;
}
