import { Empty } from "@/components/Empty/Empty";

export default function Workflow() {
  return <Empty title="Workflow" />;
}
