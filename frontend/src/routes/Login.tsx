import { Empty } from "@/components/Empty/Empty";

export default function Login() {
  return <Empty title="Login" />;
}
