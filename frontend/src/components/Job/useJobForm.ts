/** State of a form for a job: what is set, inputs, options, and what the server says of it. */
import { useDebouncedValue } from "@mantine/hooks";
import { useEffect, useMemo, useRef, useState } from "react";
import { faultOf, fieldsOf, setValues } from "@/components/Form/fields";
import { useCheck, type JobType } from "./queries";

export interface JobOptions {
  title: string;
  note: string;
  waits: string[];
  priority: number;
  serial: boolean;
  batch: number | null;
}

export interface JobStart {
  params?: Record<string, unknown>;
  /** `null`: the newest job that fits. */
  inputs?: string[] | null;
  options?: Partial<JobOptions>;
  job?: number;
}

const PLAIN: JobOptions = { title: "", note: "", waits: [], priority: 0, serial: false, batch: null };

export function useJobForm(project: string, type: JobType, start: JobStart) {
  const [params, setParams] = useState<Record<string, unknown>>(start.params ?? {});
  const [inputs, setInputs] = useState<string[] | null>(start.inputs ?? null);
  const [options, setOptions] = useState<JobOptions>({ ...PLAIN, ...start.options });
  const [tried, setTried] = useState(false);
  const fields = useMemo(() => fieldsOf(type.parameters), [type]);
  const given = useMemo(() => setValues(params), [params]);
  const [settled] = useDebouncedValue(given, 250);
  const check = useCheck(project, type.name, { params: settled, inputs, job: start.job ?? null });
  const wrong = fields.filter((field) => faultOf(field, params[field.name]) !== null);
  const faults = useMemo(() => {
    const found: Record<string, string> = {};
    for (const fault of check.data?.faults ?? []) {
      const set = given[fault.field.split(".")[0]!] !== undefined;
      if (set || tried || fault.field === "inputs") found[fault.field] ??= fault.message;
    }
    return found;
  }, [check.data, given, tried]);
  const whole = (check.data?.faults ?? []).filter((fault) => fault.field === "" || (fault.field && !fields.some((field) => field.name === fault.field.split(".")[0]) && fault.field !== "inputs"));
  const pending = settled !== given || check.isFetching || check.isPlaceholderData;
  const good = wrong.length === 0 && check.data?.faults.length === 0;
  const [asked, setAsked] = useState(false);
  const act = useRef<() => void>(() => undefined);
  useEffect(() => {
    if (!asked || (pending && wrong.length === 0)) return;
    setAsked(false);
    if (good) act.current();
  }, [asked, pending, good, wrong.length]);
  return {
    fields,
    params: given,
    shown: params,
    setParam: (name: string, value: unknown) => setParams((before) => ({ ...before, [name]: value })),
    setAll: setParams,
    inputs,
    setInputs,
    options,
    setOptions: (some: Partial<JobOptions>) => setOptions((before) => ({ ...before, ...some })),
    check: check.data,
    checkError: check.error,
    faults,
    whole,
    tried,
    wrong,
    /** Nothing is known to be wrong. */
    good,
    /** Asked to be done, and waiting for the server's check of what was typed last. */
    asked,
    /** Do it as soon as the server has checked what stands in the form now; not at all where something is wrong. */
    submit: (run: () => void) => {
      setTried(true);
      act.current = run;
      setAsked(true);
    },
  };
}

export type JobFormState = ReturnType<typeof useJobForm>;
