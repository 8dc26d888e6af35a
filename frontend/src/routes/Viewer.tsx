import { Empty } from "@/components/Empty/Empty";

export default function Viewer() {
  return <Empty title="Viewer" />;
}
