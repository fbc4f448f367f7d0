package io.drover.bench.live;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

import org.jspecify.annotations.Nullable;

/**
 * Network namespaces of this host, one for each node, with a router between them in one more. A cut is a rule of the router that drops
 * what one node sends to another, without a word to either; this process reaches all nodes all the time. Every node brings its own media
 * driver. Needs root and the command {@code ip}.
 */
final class Namespaces implements LiveSite, AutoCloseable {
    /** Addresses for tests of networks (RFC 2544): node i is {@code 198.18.i.2}, and this process is on the last of the links. */
    private static final String NET = "198.18.";
    private static final int HOST = 255;

    private final String name = "drover-" + ProcessHandle.current().pid();
    private final String hub = name + "-hub";
    private final List<String> made = new ArrayList<>();
    private final List<List<String>> cuts = new ArrayList<>();
    private final Thread atExit = new Thread(this::remove, "namespaces-exit");

    private Namespaces() {}

    /** @throws IOException one sentence where namespaces cannot be made */
    static Namespaces create(final int nodes) throws IOException {
        requireRoot("namespaces of the network");
        if (!Files.isDirectory(Path.of("/proc/sys/net/ipv4")) || execute("ip", "-V") != null) {
            throw new IOException("network namespaces need Linux and the command ip (iproute2)");
        }
        final Namespaces all = new Namespaces();
        Runtime.getRuntime().addShutdownHook(all.atExit);
        try {
            all.make(nodes);
            return all;
        } catch (final IOException e) {
            all.close();
            throw e;
        }
    }

    /** @throws IOException if this process may not administer the host */
    static void requireRoot(final String what) throws IOException {
        if (!"root".equals(System.getProperty("user.name"))) {
            throw new IOException("only root can make " + what);
        }
    }

    private void make(final int nodes) throws IOException {
        add(hub);
        ip("netns", "exec", hub, "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward");
        for (int node = 1; node <= nodes; node++) {
            final String own = name + "-" + node;
            add(own);
            ip("link", "add", "node" + node, "netns", hub, "type", "veth", "peer", "name", "eth0", "netns", own);
            connect(node, own, "eth0");
            ip("-n", own, "link", "set", "lo", "up");
            ip("-n", own, "route", "add", "default", "via", NET + node + ".1");
        }
        final String link = "dr" + ProcessHandle.current().pid();
        ip("link", "add", link, "type", "veth", "peer", "name", "node" + HOST, "netns", hub);
        connect(HOST, null, link);
        ip("route", "add", NET + "0.0/16", "via", NET + HOST + ".1");
    }

    private void add(final String namespace) throws IOException {
        ip("netns", "add", namespace);
        made.add(namespace);
    }

    /** @param namespace of the link's far end; null for that of this process */
    private void connect(final int node, final @Nullable String namespace, final String link) throws IOException {
        ip("-n", hub, "addr", "add", NET + node + ".1/30", "dev", "node" + node);
        ip("-n", hub, "link", "set", "node" + node, "up");
        final List<String> inside = namespace == null ? List.of() : List.of("-n", namespace);
        ip(with(inside, "addr", "add", NET + node + ".2/30", "dev", link));
        ip(with(inside, "link", "set", link, "up"));
    }

    private static String[] with(final List<String> first, final String... rest) {
        final List<String> all = new ArrayList<>(first);
        all.addAll(Arrays.asList(rest));
        return all.toArray(String[]::new);
    }

    /** From now on nothing that {@code from} sends reaches {@code to}. */
    void cut(final int from, final int to) throws IOException {
        final List<String> rule = List.of("from", host(from), "to", host(to), "blackhole");
        ip(with(List.of("-n", hub, "rule", "add"), rule.toArray(String[]::new)));
        cuts.add(rule);
    }

    /** Nothing passes between the two sides. */
    void cut(final List<Integer> one, final List<Integer> other) throws IOException {
        for (final int a : one) {
            for (final int b : other) {
                cut(a, b);
                cut(b, a);
            }
        }
    }

    void heal() throws IOException {
        for (final List<String> rule : cuts) {
            ip(with(List.of("-n", hub, "rule", "del"), rule.toArray(String[]::new)));
        }
        cuts.clear();
    }

    @Override
    public List<String> prefix(final int node) {
        return List.of("ip", "netns", "exec", name + "-" + node);
    }

    @Override
    public String host(final int node) {
        return NET + node + ".2";
    }

    @Override
    public int driver(final int node) {
        return -1;
    }

    private static void ip(final String... arguments) throws IOException {
        final String problem = execute(with(List.of("ip"), arguments));
        if (problem != null) {
            throw new IOException("ip " + String.join(" ", arguments) + ": " + problem);
        }
    }

    /** @return what went wrong; null if nothing did */
    static @Nullable String execute(final String... command) {
        try {
            final Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
            final String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
            return process.waitFor() == 0 ? null : said.isEmpty() ? "exit code " + process.exitValue() : said;
        } catch (final IOException e) {
            return String.valueOf(e.getMessage());
        } catch (final InterruptedException e) {
            Thread.currentThread().interrupt();
            return "interrupted";
        }
    }

    /** With a namespace its links, addresses and rules go; a process in it keeps it alive, so end the nodes first. */
    private synchronized void remove() {
        made.forEach(namespace -> execute("ip", "netns", "del", namespace));
        made.clear();
    }

    @Override
    public void close() {
        remove();
        Runtime.getRuntime().removeShutdownHook(atExit);
    }
}
