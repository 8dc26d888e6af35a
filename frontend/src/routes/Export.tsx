import { ExportPage } from "@/components/Export/ExportPage";

/** What can be taken out of a project. */
export default function Export() {
  return <ExportPage />;
}
