package io.drover.placement.lab;

import java.nio.file.Path;
import java.util.List;

import org.jspecify.annotations.Nullable;

import io.drover.placement.Mode;

import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** The options of {@code plan}; {@link PlanCommand} checks what picocli cannot. */
@Command(name = "plan", sortOptions = false, usageHelpWidth = 110, mixinStandardHelpOptions = false, description = {
    "Compare placement policies on recorded or simulated routing.", ""})
final class PlanOptions {
    @Option(names = "--trace", paramLabel = "PATH", description = {
        "Recorded routing: a directory with expert_ids.npy, traces.csv and perhaps expert_probs.npy,", "or a .jsonl file."})
    @Nullable
    Path trace;

    @Option(names = "--simulate", paramLabel = "SPEC", description = {
        "In place of --trace: a synthetic cluster, e.g. layers=61,experts=384,top-k=8,devices=320.",
        "More keys: devices-per-node, hours, window-s, tokens (sampled of a window), rate (tokens/s), topics."})
    @Nullable
    String simulate;

    @Option(names = "--devices", paramLabel = "N", defaultValue = "4", description = "Devices, each a node of its own (${DEFAULT-VALUE}).")
    int devices;

    @Option(names = "--slots", paramLabel = "+P%%|N", defaultValue = "+25%", description = {
        "Replica slots of the cluster: so many percent more than experts, or a number over all layers (${DEFAULT-VALUE})."})
    String slots = "";

    @Option(names = "--policy", paramLabel = "NAME,…", split = ",", defaultValue = "all", description = "Policies, or all.")
    List<String> policies = List.of();

    @Option(names = "--mode", paramLabel = "home|walk", description = "How tokens travel; both by default.")
    @Nullable
    String mode;

    @Option(names = "--split", paramLabel = "KIND", defaultValue = "parity", description = {
        "What is fitted and what is reported (${DEFAULT-VALUE}):",
        "parity: even sequences, odd sequences; half: first half, second half;",
        "domain: --fit-domains, the other domains; none: all, all."})
    String split = "";

    @Option(names = "--fit-domains", paramLabel = "NAME,…", split = ",", description = "For --split domain; the first half of them by default.")
    List<String> fitDomains = List.of();

    @Option(names = "--online", description = {
        "Stream the domains through the policies in windows, moves included. Knobs: --phases, --phase-tokens, --window."})
    boolean online;

    @Option(names = "--phases", paramLabel = "NAME,…", split = ",", description = "Domains of the stream in order; as recorded by default.")
    List<String> phases = List.of();

    @Option(names = "--phase-tokens", paramLabel = "N", defaultValue = "400000", description = "Tokens of a phase (${DEFAULT-VALUE}).")
    int phaseTokens;

    @Option(names = "--window", paramLabel = "N", defaultValue = "20000", description = "Tokens of a window (${DEFAULT-VALUE}).")
    int windowTokens;

    @Option(names = "--sampled", paramLabel = "N", defaultValue = "1", description = {
        "Tokens of the stream that each replayed token stands for: hours in few tokens (${DEFAULT-VALUE})."})
    int sampled;

    @Option(names = "--decay", paramLabel = "X", defaultValue = "0.5", description = {
        "Share of its weight that a count keeps from one window to the next, 0 to 1 (${DEFAULT-VALUE})."})
    double decay;

    @Option(names = "--regret", description = {
        "Online, plan each window on itself too, moves for nothing, and show what each policy needs beyond that (slow)."})
    boolean regret;

    @Option(names = "--period", paramLabel = "N", defaultValue = "5", description = "Windows between plans of periodic policies (${DEFAULT-VALUE}).")
    int period;

    @Option(names = "--tokens-per-second", paramLabel = "N", defaultValue = "2000", description = {
        "Rate at which the stream is served (${DEFAULT-VALUE})."})
    double tokensPerSecond;

    @Option(names = "--horizon", paramLabel = "N", defaultValue = "20", description = {
        "Windows in which a move has to pay for itself, and for which an expert keeps away from a place it left (${DEFAULT-VALUE})."})
    int horizonWindows;

    @Option(names = "--step-moves", paramLabel = "N", defaultValue = "32", description = {
        "Most replicas loaded for gain after one window (${DEFAULT-VALUE})."})
    int stepMoves;

    @Option(names = "--enter-gain", paramLabel = "X", defaultValue = "0.01", description = {
        "Share of the step time that a plan must save for moves to begin (${DEFAULT-VALUE}); they end at a third of it."})
    double enterGain;

    @Option(names = "--reserve", paramLabel = "N", defaultValue = "2", description = {
        "Slots of a device that plans leave free for moves (${DEFAULT-VALUE})."})
    int reserve;

    @Option(names = "--homes", paramLabel = "drawn|chosen", defaultValue = "drawn", description = {
        "Homes of sequences: drawn uniformly, or chosen after --home-prefix positions by what they were routed to",
        "(${DEFAULT-VALUE}); home only."})
    String homes = "";

    @Option(names = "--home-prefix", paramLabel = "N", defaultValue = "32", description = "Positions before a home is chosen (${DEFAULT-VALUE}).")
    int homePrefix;

    @Option(names = "--frontier", description = "Every policy at 2, 4 and 8 devices and +0, 12.5, 25, 50 and 100 %% slots.")
    boolean frontier;

    @Option(names = "--hidden", paramLabel = "N", defaultValue = "2880", description = "Elements of a hidden vector (${DEFAULT-VALUE}).")
    int hidden;

    @Option(names = "--wire", paramLabel = "TYPE", defaultValue = "bfloat16", description = {
        "float32 or bfloat16: expert inputs and outputs (${DEFAULT-VALUE}); the residual is float32."})
    String wire = "";

    @Option(names = "--kv", paramLabel = "BYTES", defaultValue = "2048", description = {
        "Keys and values of one position in one layer (${DEFAULT-VALUE}: 8 heads of 64, bfloat16)."})
    int kvBytes;

    @Option(names = "--header", paramLabel = "BYTES", defaultValue = "16", description = "Frame bytes per vector (${DEFAULT-VALUE}).")
    int headerBytes;

    @Option(names = "--holders", paramLabel = "1|2|all", defaultValue = "1", description = {
        "Devices that hold a context's KV, in what planners minimise (${DEFAULT-VALUE}); the table shows all three."})
    String holders = "";

    @Option(names = "--expert-bytes", paramLabel = "N", description = "Weights of one expert; 3 hidden^2 elements of the wire type by default.")
    @Nullable
    Long expertBytes;

    @Option(names = "--network", paramLabel = "GBIT", defaultValue = "10", description = "Gigabits per second of a device (${DEFAULT-VALUE}).")
    double networkGbit;

    @Option(names = "--expert-us", paramLabel = "US", defaultValue = "20", description = "Microseconds to read an expert (${DEFAULT-VALUE}).")
    double expertMicros;

    @Option(names = "--call-us", paramLabel = "US", defaultValue = "2", description = "Microseconds of one row in an expert (${DEFAULT-VALUE}).")
    double callMicros;

    @Option(names = "--step-tokens", paramLabel = "N", defaultValue = "256", description = "Positions of one step, all devices (${DEFAULT-VALUE}).")
    int stepTokens;

    @Option(names = "--slack", paramLabel = "X", defaultValue = "0.1", description = {
        "The router avoids devices with over 1+X times the mean load where it can (${DEFAULT-VALUE}; inf: never)."})
    String slack = "";

    @Option(names = "--min-replicas", paramLabel = "F", defaultValue = "1", description = "Replicas of each expert on distinct nodes (${DEFAULT-VALUE}).")
    int minReplicas;

    @Option(names = "--seed", paramLabel = "N", defaultValue = "1", description = "Of homes, planners and streams (${DEFAULT-VALUE}).")
    long seed;

    @Option(names = "--effort", paramLabel = "N", defaultValue = "100", description = "How hard planners search (${DEFAULT-VALUE}).")
    int effort;

    @Option(names = "--balance", paramLabel = "X", defaultValue = "3", description = {
        "Vectors per token-layer that the joint planner gives for one unit of imbalance less (${DEFAULT-VALUE})."})
    double balance;

    @Option(names = "--json", paramLabel = "FILE", description = "Write every figure.")
    @Nullable
    Path json;

    @Option(names = "--html", paramLabel = "FILE", description = "Write a report with pictures: one file, nothing else needed.")
    @Nullable
    Path html;

    @Option(names = {"-h", "--help"}, usageHelp = true, description = "Show this text.")
    boolean help;

    List<Mode> modes() {
        return switch (mode) {
            case null -> List.of(Mode.HOME, Mode.WALK);
            case "home" -> List.of(Mode.HOME);
            case "walk" -> List.of(Mode.WALK);
            default -> throw new IllegalArgumentException("--mode is '" + mode + "'; expected home or walk");
        };
    }

    Split split() {
        return switch (split) {
            case "parity" -> Split.PARITY;
            case "half" -> Split.HALF;
            case "domain" -> Split.DOMAIN;
            case "none" -> Split.NONE;
            default -> throw new IllegalArgumentException("--split is '" + split + "'; expected parity, half, domain or none");
        };
    }

    int elementBytes() {
        return switch (wire) {
            case "float32" -> 4;
            case "bfloat16" -> 2;
            default -> throw new IllegalArgumentException("--wire is '" + wire + "'; expected float32 or bfloat16");
        };
    }

    int holders(final int ofDevices) {
        return switch (holders) {
            case "1" -> 1;
            case "2" -> Math.min(2, ofDevices);
            case "all" -> ofDevices;
            default -> throw new IllegalArgumentException("--holders is '" + holders + "'; expected 1, 2 or all");
        };
    }

    double slack() {
        return parse("--slack", slack.equals("inf") ? "Infinity" : slack, slack);
    }

    /** Positions after which a home is chosen; 0 if homes are drawn. */
    int homePrefix() {
        return switch (homes) {
            case "drawn" -> 0;
            case "chosen" -> {
                if (homePrefix < 1) {
                    throw new IllegalArgumentException("--home-prefix is " + homePrefix + "; expected at least 1");
                }
                yield homePrefix;
            }
            default -> throw new IllegalArgumentException("--homes is '" + homes + "'; expected drawn or chosen");
        };
    }

    /** Slots of the whole cluster. */
    long totalSlots(final String text, final long experts) {
        if (text.startsWith("+") && text.endsWith("%")) {
            final double percent = parse("--slots", text.substring(1, text.length() - 1), text);
            return Math.round(experts * (1 + percent / 100));
        }
        final double number = parse("--slots", text, text);
        if (number != Math.rint(number)) {
            throw new IllegalArgumentException("--slots is '" + text + "'; expected +P% or a whole number");
        }
        return (long) number;
    }

    long expertBytes() {
        return expertBytes != null ? expertBytes : 3L * hidden * hidden * elementBytes();
    }

    private static double parse(final String option, final String number, final String given) {
        try {
            final double value = Double.parseDouble(number);
            if (value >= 0) {
                return value;
            }
        } catch (final NumberFormatException ignored) {
            // Reported below with the same words as a negative one.
        }
        throw new IllegalArgumentException(option + " is '" + given + "'; expected a number of at least 0");
    }
}
