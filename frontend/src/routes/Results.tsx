import { Empty } from "@/components/Empty/Empty";

export default function Results() {
  return <Empty title="Results" />;
}
