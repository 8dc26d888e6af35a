import { Alert, Collapse, Group, NumberInput, SimpleGrid, Stack, Switch, TagsInput, Text, Textarea, TextInput, UnstyledButton } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconAlertTriangle, IconChevronDown, IconChevronRight } from "@tabler/icons-react";
import { useState } from "react";
import { sentence } from "@/components/Fault/Fault";
import { SchemaForm } from "@/components/Form/SchemaForm";
import { TryOut } from "@/components/Tryout/TryOut";
import { InputsChooser } from "./InputsChooser";
import type { JobType } from "./queries";
import type { JobFormState } from "./useJobForm";

interface Props {
  project: string;
  type: JobType;
  form: JobFormState;
  job?: number;
  wide?: boolean;
  disabled?: boolean;
}

/** The form of a job: what it is called, inputs that fit, parameters, and when it runs. */
export function JobForm({ project, type, form, job, wide, disabled }: Props) {
  const [advanced, setAdvanced] = useState(false);
  return (
    <Stack gap="md">
      {form.whole.map((fault) => (
        <Alert key={fault.message} color="red" variant="light" icon={<IconAlertTriangle size={16} />} title={sentence(fault.message)}>
          {sentence(fault.hint)}
        </Alert>
      ))}
      <SimpleGrid cols={wide ? { base: 1, sm: 2 } : 1} spacing="sm">
        <TextInput label="Title" size="sm" disabled={disabled} placeholder={type.title} value={form.options.title} maxLength={200} onChange={(event) => form.setOptions({ title: event.currentTarget.value })} />
        {type.scope !== "source" && (
          <InputsChooser project={project} type={type.name} job={job} value={form.inputs} onChange={form.setInputs} error={form.faults.inputs} disabled={disabled} />
        )}
      </SimpleGrid>
      <TryOut project={project} type={type} form={form} job={job} />
      <SchemaForm
        fields={form.fields}
        params={form.shown}
        inherited={form.check?.inherited}
        faults={form.faults}
        onChange={form.setParam}
        advanced={advanced}
        onAdvanced={setAdvanced}
        project={project}
        wide={wide}
        disabled={disabled}
      />
      <When form={form} type={type} wide={wide} />
    </Stack>
  );
}

/** Note, waits, priority, order: seldom needed, so folded away. */
function When({ form, type, wide }: { form: JobFormState; type: JobType; wide?: boolean }) {
  const [open, { toggle }] = useDisclosure(form.options.waits.length > 0);
  const { options, setOptions } = form;
  return (
    <div>
      <UnstyledButton onClick={toggle} aria-expanded={open}>
        <Group gap={4}>
          {open ? <IconChevronDown size={14} /> : <IconChevronRight size={14} />}
          <Text size="sm" fw={600}>Note, order and priority</Text>
        </Group>
      </UnstyledButton>
      <Collapse expanded={open}>
        <Stack gap="xs" pt="xs">
          <Textarea label="Note" size="sm" autosize minRows={1} value={options.note} onChange={(event) => setOptions({ note: event.currentTarget.value })} />
          <SimpleGrid cols={wide ? { base: 1, sm: 2 } : 1} spacing="sm">
            <TagsInput label="Start only after" description="jobs that must be finished before, such as J3" size="sm" value={options.waits} onChange={(waits) => setOptions({ waits })} acceptValueOnBlur />
            <NumberInput label="Priority" description="jobs with a higher one go first" size="sm" value={options.priority} allowDecimal={false} onChange={(given) => setOptions({ priority: Number(given) || 0 })} />
            {type.scope !== "source" && type.scope !== "decision" && (
              <NumberInput label="Batch" description="items together; 0 is all" size="sm" min={0} placeholder="as the type says" value={options.batch ?? ""} allowDecimal={false} onChange={(given) => setOptions({ batch: given === "" ? null : Number(given) })} />
            )}
            {type.scope === "item" && (
              <Switch label="One after the other, in order of arrival" size="sm" checked={options.serial} onChange={(event) => setOptions({ serial: event.currentTarget.checked })} />
            )}
          </SimpleGrid>
        </Stack>
      </Collapse>
    </div>
  );
}
