import { Empty } from "@/components/Empty/Empty";

export default function Server() {
  return <Empty title="Server" />;
}
