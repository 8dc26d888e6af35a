import { Empty } from "@/components/Empty/Empty";

export default function Session() {
  return <Empty title="Session" />;
}
