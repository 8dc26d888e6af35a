/** Fields of a form, read from the JSON schema of a job type's parameters. */

export type FieldKind = "number" | "boolean" | "text" | "path" | "choice" | "list" | "named" | "union";

/** One field; `place` is its path in the parameters, such as `["select", "fraction"]`. */
export interface Field {
  name: string;
  title: string;
  help: string;
  kind: FieldKind;
  unit: string | null;
  advanced: boolean;
  group: string;
  required: boolean;
  /** Nothing can be computed before it is known, here or from the project. */
  needed: boolean;
  fallback: unknown;
  inherits: boolean;
  limits: Limits;
  choices: (string | number)[];
  /** Of a list: whether its parts are numbers, and how many there must be. */
  numbers: boolean;
  paths: boolean;
  exactly: number | null;
  /** Of a union: its kinds with their own fields, and the name of the field that says which. */
  kinds: { tag: string; help: string; fields: Field[] }[];
  tagName: string;
}

export interface Limits {
  min?: number;
  max?: number;
  above?: number;
  below?: number;
  whole?: boolean;
}

type Schema = Record<string, unknown>;

/** All fields of a schema in the order of their declaration. */
export function fieldsOf(schema: Schema): Field[] {
  const required = new Set((schema.required as string[] | undefined) ?? []);
  return Object.entries((schema.properties as Record<string, Schema> | undefined) ?? {}).map(([name, entry]) =>
    fieldOf(name, entry, schema, required.has(name)),
  );
}

function fieldOf(name: string, entry: Schema, whole: Schema, required: boolean): Field {
  const forms = formsOf(entry, whole).filter((form) => form.type !== "null");
  const first = forms[0] ?? {};
  const union = unionOf(entry);
  const base: Field = {
    name,
    title: titleOf(name),
    help: String(entry.description ?? ""),
    kind: "text",
    unit: (entry.unit as string | null | undefined) ?? null,
    advanced: entry.level === "advanced",
    group: String(entry.group ?? "Options"),
    required,
    needed: entry.needed === true,
    fallback: entry.default ?? null,
    inherits: entry.inherits === true,
    limits: {},
    choices: [],
    numbers: false,
    paths: false,
    exactly: null,
    kinds: [],
    tagName: "kind",
  };
  if (union) return { ...base, kind: "union", tagName: union.propertyName, kinds: kindsOf(union, whole) };
  const choices = forms.flatMap((form) => (form.enum as (string | number)[] | undefined) ?? []);
  if (choices.length > 0) return { ...base, kind: "choice", choices };
  if (first.type === "array") return { ...base, ...listOf(first, whole) };
  if (first.type === "boolean") return { ...base, kind: "boolean" };
  if (first.type === "number" || first.type === "integer") return { ...base, kind: "number", limits: limitsOf(first) };
  return { ...base, kind: first.format === "path" ? "path" : "text" };
}

function listOf(form: Schema, whole: Schema): Partial<Field> {
  const parts = (form.prefixItems as Schema[] | undefined) ?? [];
  const part = parts[0] ?? formsOf((form.items as Schema | undefined) ?? {}, whole)[0] ?? {};
  if (part.type === "object") return { kind: "named" };
  const numbers = part.type === "number" || part.type === "integer";
  const choices = (part.enum as string[] | undefined) ?? [];
  return { kind: "list", numbers, choices, paths: part.format === "path", exactly: parts.length || null };
}

interface Union {
  propertyName: string;
  mapping: Record<string, string>;
}

function unionOf(entry: Schema): Union | null {
  if (entry.discriminator) return entry.discriminator as Union;
  const parts = (entry.anyOf as Schema[] | undefined) ?? [];
  return (parts.find((part) => part.discriminator)?.discriminator as Union | undefined) ?? null;
}

function kindsOf(union: Union, whole: Schema): Field["kinds"] {
  return Object.entries(union.mapping).map(([tag, reference]) => {
    const schema = resolve(reference, whole);
    const fields = fieldsOf({ ...schema, $defs: whole.$defs }).filter((field) => field.name !== union.propertyName);
    return { tag, help: String(schema.description ?? ""), fields };
  });
}

function resolve(reference: string, whole: Schema): Schema {
  return (whole.$defs as Record<string, Schema>)[reference.split("/").pop()!] ?? {};
}

function formsOf(entry: Schema, whole: Schema): Schema[] {
  const parts = (entry.anyOf ?? entry.oneOf ?? entry.allOf) as Schema[] | undefined;
  if (parts) return parts.flatMap((part) => formsOf(part, whole));
  return typeof entry.$ref === "string" ? formsOf(resolve(entry.$ref, whole), whole) : [entry];
}

function limitsOf(form: Schema): Limits {
  const number = (key: string) => form[key] as number | undefined;
  return {
    min: number("minimum"),
    max: number("maximum"),
    above: number("exclusiveMinimum"),
    below: number("exclusiveMaximum"),
    whole: form.type === "integer",
  };
}

const SHORT: Record<string, string> = { ctf: "CTF", fsc: "FSC", eer: "EER", dw: "dose-weighted", gpu: "GPU", b: "B" };

/** `max_resolution` → "Max resolution". */
export function titleOf(name: string): string {
  const text = name.split("_").map((word) => SHORT[word] ?? word).join(" ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** "> 0, ≤ 100", empty where there are no limits. */
export function limitText({ min, max, above, below, whole }: Limits): string {
  const parts = [];
  if (min !== undefined) parts.push(`≥ ${min}`);
  if (above !== undefined) parts.push(`> ${above}`);
  if (max !== undefined) parts.push(`≤ ${max}`);
  if (below !== undefined) parts.push(`< ${below}`);
  return [whole ? "whole number" : "", ...parts].filter(Boolean).join(", ");
}

/** A value for people; nothing is an en dash. */
export function valueText(value: unknown, unit?: string | null): string {
  if (value === null || value === undefined || value === "") return "–";
  const text =
    typeof value === "boolean" ? (value ? "yes" : "no")
    : Array.isArray(value) ? (value.length ? value.map((part) => valueText(part)).join(", ") : "none")
    : typeof value === "object" ? objectText(value as Record<string, unknown>)
    : String(value);
  return unit ? `${text} ${unit}` : text;
}

function objectText(value: Record<string, unknown>): string {
  if (typeof value.item === "string") return value.item;
  return Object.entries(value).map(([name, part]) => (name === "kind" ? String(part) : `${titleOf(name).toLowerCase()} ${valueText(part)}`)).join(", ");
}

/** What is wrong with a value as one types, `null` where nothing is. */
export function faultOf(field: Field, value: unknown): string | null {
  if (value === undefined || value === null || value === "") return field.required ? "needed" : null;
  if (field.kind === "number") return numberFault(field.limits, value);
  if (field.kind === "list" && Array.isArray(value)) {
    if (field.exactly !== null && value.length !== field.exactly) return `${field.exactly} numbers are needed`;
    if (field.numbers && value.some((part) => typeof part !== "number" || Number.isNaN(part))) return "only numbers";
    if (field.required && value.length === 0) return "needed";
  }
  if (field.kind === "union") return unionFault(field, value as Record<string, unknown>);
  return null;
}

function numberFault({ min, max, above, below, whole }: Limits, value: unknown): string | null {
  if (typeof value !== "number" || Number.isNaN(value)) return "not a number";
  if (whole && !Number.isInteger(value)) return "a whole number is needed";
  if (min !== undefined && value < min) return `at least ${min}`;
  if (above !== undefined && value <= above) return `more than ${above}`;
  if (max !== undefined && value > max) return `at most ${max}`;
  if (below !== undefined && value >= below) return `less than ${below}`;
  return null;
}

function unionFault(field: Field, value: Record<string, unknown>): string | null {
  const kind = field.kinds.find((one) => one.tag === value[field.tagName]);
  if (!kind) return "choose one";
  const wrong = kind.fields.find((part) => faultOf(part, value[part.name]) !== null);
  return wrong ? `${wrong.title}: ${faultOf(wrong, value[wrong.name])}` : null;
}

/** Whether a value has to be given here: it is not set, and nothing is there to inherit. */
export function isLacking(field: Field, value: unknown, inherited?: { value: unknown }): boolean {
  const set = value !== undefined && value !== null && value !== "";
  return !set && field.needed && field.fallback === null && (inherited?.value ?? null) === null;
}

/** Only what is set: empty fields are left to slots, project and defaults. */
export function setValues(params: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(params).filter(([, value]) => value !== undefined && value !== "" && value !== null));
}
