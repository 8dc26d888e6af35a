import { Button, Collapse, Group, Modal, Radio, Select, Skeleton, Stack, Switch, Text, TextInput } from "@mantine/core";
import { useDisclosure, useMediaQuery } from "@mantine/hooks";
import { useState, type FormEvent } from "react";
import { useNavigate } from "react-router";
import { Fault } from "@/components/Fault/Fault";
import { FolderChooser } from "./FolderChooser";
import classes from "./Project.module.css";
import { useNewProjectForm, useProjectChanges, type ModeLine, type SettingField } from "./queries";
import { PathInput, SettingInputs, settingsToSend, type SettingValues } from "./SettingInputs";

/** Asks for name, place, mode, acquisition and camera; makes the project and goes to its session. */
export function NewProjectDialog({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const form = useNewProjectForm(opened);
  const narrow = useMediaQuery("(max-width: 640px)");
  return (
    <Modal opened={opened} onClose={onClose} title="New project" size={760} fullScreen={narrow}>
      {form.error && <Fault error={form.error} retry={() => void form.refetch()} />}
      {!form.data && !form.error && <Skeleton height={480} />}
      {form.data && <NewProjectForm modes={form.data.modes} fields={form.data.settings} roots={form.data.roots} onClose={onClose} />}
    </Modal>
  );
}

interface Draft {
  name: string;
  place: string;
  mode: string;
  template: string | null;
  source: string;
  settings: SettingValues;
  start: boolean;
}

function NewProjectForm({ modes, fields, roots, onClose }: { modes: ModeLine[]; fields: SettingField[]; roots: string[]; onClose: () => void }) {
  const navigate = useNavigate();
  const { create } = useProjectChanges();
  const [draft, setDraft] = useState<Draft>(() => firstDraft(modes, roots));
  const change = (values: Partial<Draft>) => setDraft((before) => ({ ...before, ...values }));
  const folder = `${draft.place.replace(/\/+$/, "")}/${folderName(draft.name)}`;
  const needsCamera = draft.template !== null && !draft.source.trim();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const body = {
      folder,
      mode: draft.mode,
      title: draft.name.trim(),
      settings: settingsToSend(fields, draft.settings),
      template: draft.source.trim() ? draft.template : null,
      sources: draft.source.trim() ? [draft.source.trim()] : [],
      start: draft.start,
    };
    create.mutate(body, { onSuccess: (line) => void navigate(`/p/${line.key}/session`) });
  };
  return (
    <form onSubmit={submit} aria-label="New project">
      <Stack gap="md">
        <Place draft={draft} change={change} folder={folder} />
        <ModeChoice modes={modes} value={draft.mode} onChange={(mode) => change({ mode, template: templateOf(modes, mode) })} />
        <Acquisition fields={fields} mode={draft.mode} values={draft.settings} onChange={(name, value) => change({ settings: { ...draft.settings, [name]: value } })} />
        <Camera modes={modes} draft={draft} change={change} />
        {create.error && <Fault error={create.error} />}
        <Group justify="flex-end">
          {needsCamera && (
            <Text size="xs" c="dimmed" style={{ flex: 1, minWidth: 200 }}>
              Without a camera folder the project begins empty; jobs are added in Workflow.
            </Text>
          )}
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={create.isPending} disabled={!folderName(draft.name) || !draft.place}>
            Create project
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

type Change = (values: Partial<Draft>) => void;

function Place({ draft, change, folder }: { draft: Draft; change: Change; folder: string }) {
  const [browsing, browse] = useDisclosure(false);
  return (
    <>
      <div className={classes.settings}>
        <TextInput label="Name" required autoFocus value={draft.name} placeholder="apoferritin grid 3" onChange={(event) => change({ name: event.currentTarget.value })} />
        <PathInput label="Place" required value={draft.place} onChange={(place) => change({ place })} onBrowse={browse.open} />
      </div>
      <Text size="xs" c="dimmed" mt={-8} style={{ overflowWrap: "anywhere" }}>
        Everything of the project is kept in one folder: {folderName(draft.name) ? folder : "…"}
      </Text>
      <FolderChooser opened={browsing} title="Where the project's folder is made" start={draft.place || null} choose="Make it here" onChoose={(place) => change({ place })} onClose={browse.close} />
    </>
  );
}

function ModeChoice({ modes, value, onChange }: { modes: ModeLine[]; value: string; onChange: (mode: string) => void }) {
  return (
    <Radio.Group value={value} onChange={onChange} label="Mode">
      <div className={classes.modes} style={{ marginTop: 4 }}>
        {modes.map((mode) => (
          <label key={mode.name} className={classes.mode} data-checked={mode.name === value}>
            <Radio value={mode.name} aria-label={mode.title} mt={2} />
            <span>
              <Text size="sm" fw={500}>
                {mode.title}
              </Text>
              <Text size="xs" c="dimmed">
                {mode.sentence}
              </Text>
            </span>
          </label>
        ))}
      </div>
    </Radio.Group>
  );
}

function Acquisition({ fields, mode, values, onChange }: { fields: SettingField[]; mode: string; values: SettingValues; onChange: (name: string, value: unknown) => void }) {
  const [more, { toggle }] = useDisclosure(false);
  const isFirst = (field: SettingField) => field.level === "normal" || field.modes.includes(mode);
  return (
    <fieldset style={{ border: 0, padding: 0, margin: 0 }}>
      <Text size="sm" fw={500} component="legend">
        Acquisition
      </Text>
      <Text size="xs" c="dimmed" mb={6}>
        What is left empty is taken from the movies' headers where they say it.
      </Text>
      <SettingInputs fields={fields.filter(isFirst)} values={values} onChange={onChange} />
      <Button size="compact-xs" variant="subtle" mt={6} onClick={toggle} aria-expanded={more}>
        {more ? "Fewer settings" : "More settings"}
      </Button>
      <Collapse expanded={more}>
        <SettingInputs fields={fields.filter((field) => !isFirst(field))} values={values} onChange={onChange} />
      </Collapse>
    </fieldset>
  );
}

function Camera({ modes, draft, change }: { modes: ModeLine[]; draft: Draft; change: Change }) {
  const [browsing, browse] = useDisclosure(false);
  const templates = modes.find((mode) => mode.name === draft.mode)?.templates ?? [];
  const chosen = templates.find((template) => template.name === draft.template);
  return (
    <>
      <div className={classes.settings}>
        <PathInput
          label="Camera folder"
          value={draft.source}
          placeholder="/camera/session"
          onChange={(source) => change({ source })}
          onBrowse={browse.open}
        />
        <Select
          label="Jobs to begin with"
          data={[{ value: "", label: "import only" }, ...templates.map((template) => ({ value: template.name, label: template.title }))]}
          value={draft.template ?? ""}
          onChange={(value) => change({ template: value || null })}
          allowDeselect={false}
        />
      </div>
      <Text size="xs" c="dimmed" mt={-8}>
        {chosen?.summary ?? "Movies are brought into the project; jobs are added in Workflow."}
      </Text>
      <Switch label="Start the engine: it watches the camera folder and works" checked={draft.start} onChange={(event) => change({ start: event.currentTarget.checked })} />
      <FolderChooser opened={browsing} title="Folder into which the camera writes" start={draft.source || null} choose="Watch this folder" onChoose={(source) => change({ source })} onClose={browse.close} />
    </>
  );
}

function firstDraft(modes: ModeLine[], roots: string[]): Draft {
  const mode = modes.some((entry) => entry.name === "single-particle") ? "single-particle" : (modes[0]?.name ?? "");
  return { name: "", place: roots[0] ?? "", mode, template: templateOf(modes, mode), source: "", settings: {}, start: true };
}

function templateOf(modes: ModeLine[], mode: string): string | null {
  return modes.find((entry) => entry.name === mode)?.templates[0]?.name ?? null;
}

/** A name as that of a folder: without signs that shells or other systems would trip over. */
export function folderName(name: string): string {
  return name.trim().replace(/[^\p{L}\p{N}._-]+/gu, "-").replace(/^[-.]+|-+$/g, "");
}
