import { Empty } from "@/components/Empty/Empty";

export default function Export() {
  return <Empty title="Export" />;
}
