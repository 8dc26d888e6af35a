import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { useNavigate, useSearchParams } from "react-router";
import { client, need, setCsrf } from "@/client/client";
import { LoginCard } from "@/components/Account/LoginCard";
import { pageAfter } from "@/components/Account/pageAfter";
import { useMe } from "@/hooks/useMe";

/** Signing in, and with `?out=1` signing out. */
export default function Login() {
  const [params, setParams] = useSearchParams();
  const queries = useQueryClient();
  const navigate = useNavigate();
  const out = params.get("out") === "1";
  const me = useMe();
  const ways = useQuery({ queryKey: ["ways-in"], queryFn: () => need(client.GET("/api/sign-in")) });
  const [left, setLeft] = useState(false);

  useEffect(() => {
    if (!out || me.isPending) return;
    const leave = async () => {
      if (me.data) await client.POST("/api/sign-out");
      setCsrf(null);
      setLeft(true);
      setParams({}, { replace: true });
      queries.clear();
    };
    void leave();
  }, [out, me.isPending, me.data, queries, setParams]);

  useEffect(() => {
    if (!out && !left && me.data) void navigate(pageAfter(params), { replace: true });
  }, [out, left, me.data, params, navigate]);

  const signedIn = async () => {
    await queries.resetQueries();
    void navigate(pageAfter(params), { replace: true });
  };
  return <LoginCard ways={ways} left={left} oldLink={params.get("link") === "old"} onSignedIn={() => void signedIn()} />;
}
