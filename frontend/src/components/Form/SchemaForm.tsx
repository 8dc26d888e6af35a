import { Badge, Fieldset, Group, SimpleGrid, Switch, Text } from "@mantine/core";
import { useMemo } from "react";
import { type Field, faultOf, isLacking } from "./fields";
import { FieldInput } from "./FieldInput";
import classes from "./Form.module.css";

export interface Inherited {
  value: unknown;
  origin: string;
}

interface Props {
  fields: Field[];
  params: Record<string, unknown>;
  /** Name → value that is taken where none is set, with its origin; not there while it is asked for. */
  inherited: Record<string, Inherited> | undefined;
  /** Place such as `select.fraction` → what the server says is wrong. */
  faults: Record<string, string>;
  onChange: (name: string, value: unknown) => void;
  advanced: boolean;
  onAdvanced: (shown: boolean) => void;
  project: string;
  wide?: boolean;
  disabled?: boolean;
}

/** A form drawn from the schema: groups as sections, advanced fields shaded. */
export function SchemaForm({ fields, params, inherited, faults, onChange, advanced, onAdvanced, project, wide, disabled }: Props) {
  const groups = useMemo(() => grouped(fields), [fields]);
  const hidden = fields.filter((field) => field.advanced).length;
  const changed = fields.filter((field) => field.advanced && params[field.name] !== undefined).length;
  return (
    <div className={classes.form}>
      {hidden > 0 && (
        <Group justify="space-between">
          <Switch
            size="sm"
            label={`Advanced (${hidden})`}
            checked={advanced}
            onChange={(event) => onAdvanced(event.currentTarget.checked)}
          />
          {!advanced && changed > 0 && (
            <Badge variant="light" size="sm" tt="none">
              {changed} advanced set
            </Badge>
          )}
        </Group>
      )}
      {groups.map(([title, several]) => {
        const lacks = (field: Field) => inherited !== undefined && isLacking(field, params[field.name], inherited[field.name]);
        const shown = several.filter((field) => advanced || lacks(field) || !field.advanced || faults[field.name] || (field.required && faultOf(field, params[field.name])));
        if (shown.length === 0) return null;
        return (
          <Fieldset key={title} legend={title} className={classes.section} variant="unstyled" disabled={disabled}>
            <SimpleGrid cols={wide ? { base: 1, sm: 2 } : 1} spacing="sm" verticalSpacing="xs">
              {shown.map((field) => (
                <div key={field.name} className={field.advanced ? classes.advanced : undefined} data-wide={field.kind === "union" || undefined}>
                  <FieldInput
                    field={field}
                    place={field.name}
                    value={params[field.name]}
                    inherited={inherited?.[field.name]}
                    lacking={lacks(field)}
                    faults={faults}
                    onChange={(value) => onChange(field.name, value)}
                    project={project}
                  />
                </div>
              ))}
            </SimpleGrid>
          </Fieldset>
        );
      })}
      {fields.length === 0 && (
        <Text size="sm" c="dimmed">
          It has no parameters.
        </Text>
      )}
    </div>
  );
}

function grouped(fields: Field[]): [string, Field[]][] {
  const found = new Map<string, Field[]>();
  for (const field of fields) found.set(field.group, [...(found.get(field.group) ?? []), field]);
  return [...found];
}
