import { Button, Group, Modal, Stack, Text, Textarea, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { client, need, type Schemas } from "@/client/client";
import { sentence } from "@/components/Fault/Fault";
import { counted } from "@/components/format";
import { tell, useAction } from "@/hooks/useAction";

export type FilterLine = Schemas["FilterLine"];

/** Give conditions a name: a new filter job, or another version of one that is there. */
export function SaveFilter({ project, expression, job, onClose, onSaved }: {
  project: string;
  expression: string;
  job?: FilterLine;
  onClose: () => void;
  onSaved: (job: number) => void;
}) {
  const [name, setName] = useState(job?.title ?? "");
  const [text, setText] = useState(job ? job.expression : expression);
  const [late] = useDebouncedValue(text.trim(), 200);
  const action = useAction(project);
  const check = useQuery({
    queryKey: ["p", project, "check", {}, late],
    enabled: late !== "",
    queryFn: () => need(client.GET("/api/projects/{project}/expression/check", { params: { path: { project }, query: { text: late } } })),
  });
  const fault = check.data?.fault;
  const save = async () => {
    const params = { expression: text.trim(), name: name.trim() };
    const title = name.trim() || "Filter";
    if (job) {
      await action.mutateAsync({
        name: "edit_job",
        body: { job: job.job, params, title, reason: "changed in the library" } as never,
        told: `${title} has a new version`,
        undo: () => action.mutate({ name: "undo_edit", body: { job: job.job } }),
      });
      onSaved(job.job);
    } else {
      const number = (await action.mutateAsync({ name: "add_job", body: { type: "filter", params, title } as never })) as number;
      tell(`${title} is J${number}`);
      onSaved(number);
    }
    onClose();
  };
  return (
    <Modal opened onClose={onClose} title={<Text fw={600}>{job ? `Change ${job.title}` : "Save as filter"}</Text>} closeButtonProps={{ "aria-label": "Close" }}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void save().catch(() => undefined);
        }}
      >
        <Stack>
          <TextInput label="Name" data-autofocus value={name} onChange={(event) => setName(event.currentTarget.value)} maxLength={100} placeholder="Good images" />
          <Textarea
            label="Condition"
            autosize
            minRows={2}
            value={text}
            onChange={(event) => setText(event.currentTarget.value)}
            error={fault ? sentence(`${fault.message}. ${fault.hint.split("\n")[0]}`) : undefined}
            styles={{ input: { fontFamily: "var(--mantine-font-family-monospace)", fontSize: 13 } }}
          />
          <Text size="sm" c="dimmed" mih={22} aria-live="polite">
            {check.data && !fault ? `${counted(check.data.count ?? 0, "image")} of the table meet it now; new ones are decided as they come` : ""}
          </Text>
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              Cancel
            </Button>
            <Button type="submit" disabled={!text.trim() || !!fault} loading={action.isPending}>
              {job ? "Save this version" : "Save"}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
