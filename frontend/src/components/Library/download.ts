/** Names and rows of chosen images as files. */
import { valuesOf } from "./pages";

export async function namesText(project: string, ids: number[]): Promise<string> {
  const found = await valuesOf(project, ids, ["name"]);
  return [...found.values()].map(([name]) => String(name)).join("\n") + "\n";
}

export async function rowsCsv(project: string, ids: number[], columns: string[]): Promise<string> {
  const found = await valuesOf(project, ids, columns);
  const cell = (value: unknown) => {
    const text = value === null || value === undefined ? "" : String(value);
    return /[",\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
  };
  return [columns, ...found.values()].map((row) => row.map(cell).join(",")).join("\r\n") + "\r\n";
}

/** Let the browser save a text under a name. */
export function download(text: string, name: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: "text/plain;charset=utf-8" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}
