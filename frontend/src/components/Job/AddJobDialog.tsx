import { Button, Group, Modal, Stack, Text } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import { IconArrowLeft } from "@tabler/icons-react";
import { useState } from "react";
import { counted } from "@/components/format";
import { useAction } from "@/hooks/useAction";
import { Catalogue } from "./Catalogue";
import { JobForm } from "./JobForm";
import classes from "./Job.module.css";
import type { JobLine, JobType } from "./queries";
import { useJobForm } from "./useJobForm";

/** Items that a job is to work on; the first kind that is given counts. */
export interface JobSelection {
  ids?: number[];
  expression?: string;
  group?: string;
  flag?: string;
}

interface Props {
  project: string;
  opened: boolean;
  onClose: () => void;
  /** Only these items; all that come otherwise. */
  selection?: JobSelection;
  /** The job behind which it is to stand. */
  behind?: JobLine | null;
  /** Which output of that job, where not the usual one. */
  output?: string;
  onAdded?: (jobs: number[]) => void;
}

/** Choose a job type, fill in its form, add it: behind a job, or for chosen items. */
export function AddJobDialog({ project, opened, onClose, selection, behind, output, onAdded }: Props) {
  const [type, setType] = useState<JobType | null>(null);
  const phone = useMediaQuery("(max-width: 640px)");
  const close = () => {
    setType(null);
    onClose();
  };
  const about = selection ? ` on ${selectionText(selection)}` : "";
  return (
    <Modal
      opened={opened}
      onClose={close}
      size={900}
      fullScreen={phone}
      title={<Text fw={600}>{type ? `${type.title}${about}` : selection ? `Run a job${about}` : "Add a job"}</Text>}
      closeButtonProps={{ "aria-label": "Close" }}
    >
      {type ? (
        <AddForm key={type.name} project={project} type={type} selection={selection} behind={behind} output={output} back={() => setType(null)} done={(jobs) => {
          close();
          onAdded?.(jobs);
        }} />
      ) : (
        <Catalogue project={project} behind={behind} onItems={selection !== undefined} onChoose={setType} />
      )}
    </Modal>
  );
}

interface FormProps {
  project: string;
  type: JobType;
  selection?: JobSelection;
  behind?: JobLine | null;
  output?: string;
  back: () => void;
  done: (jobs: number[]) => void;
}

function AddForm({ project, type, selection, behind, output, back, done }: FormProps) {
  const form = useJobForm(project, type, { inputs: behind ? [output && output !== "items" ? `J${behind.id}:${output}` : `J${behind.id}`] : null });
  const action = useAction(project);
  const add = () => {
    const { title, note, priority, serial, batch, waits } = form.options;
    const common = { type: type.name, params: form.params, inputs: form.inputs, title: title || null, note, priority };
    const name = title || type.title;
    if (selection) {
      action.mutate(
        { name: "add_job_on", body: { ...common, selection }, told: `Added ${name} on ${selectionText(selection)}` },
        { onSuccess: (jobs) => done(jobs as number[]) },
      );
    } else {
      action.mutate(
        { name: "add_job", body: { ...common, waits, serial, batch, continues: null }, told: `Added ${name}` },
        { onSuccess: (job) => done([job as number]) },
      );
    }
  };
  const wrong = form.wrong.length + Object.keys(form.faults).length + form.whole.length;
  return (
    <form
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        form.submit(add);
      }}
    >
      <Stack gap="sm">
        <Text size="sm" c="dimmed">{type.summary}</Text>
        <JobForm project={project} type={type} form={form} wide />
        {form.check?.methods && (
          <Text size="sm" c="dimmed" fs="italic">{form.check.methods}</Text>
        )}
      </Stack>
      <Group className={classes.foot} justify="space-between">
        <Button variant="subtle" leftSection={<IconArrowLeft size={16} />} onClick={back}>Other type</Button>
        <Group gap="sm">
          {form.tried && wrong > 0 && <Text size="sm" c="red">Correct {counted(wrong, "field")} first</Text>}
          <Button type="submit" loading={action.isPending || form.asked}>Add job</Button>
        </Group>
      </Group>
    </form>
  );
}

/** "12 images", "images with iciness < 1.6". */
export function selectionText({ ids, expression, group, flag }: JobSelection): string {
  if (ids) return counted(ids.length, "image");
  if (expression) return `images with ${expression}`;
  if (group) return `images in ${group}`;
  return flag ? `images flagged ${flag}` : "chosen images";
}
