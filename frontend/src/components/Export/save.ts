/** Fetching files that the server makes. */
import { asFault, type Fault, RequestFault } from "@/client/client";

/** Fetch an address and let the browser save it; throws the fault of the server. */
export async function save(address: string, name: string): Promise<void> {
  const answer = await fetch(address);
  if (!answer.ok) throw new RequestFault(asFault((await answer.json().catch(() => ({}))) as Fault, answer.status));
  const url = URL.createObjectURL(await answer.blob());
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
