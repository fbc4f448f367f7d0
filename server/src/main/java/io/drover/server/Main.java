package io.drover.server;

import java.io.IOException;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.util.Arrays;
import java.util.concurrent.CompletionException;

import com.typesafe.config.ConfigException;

import io.drover.cluster.SettingsException;
import io.drover.cluster.StartException;
import io.drover.model.checkpoint.CheckpointException;
import io.drover.placement.lab.PlanCommand;

import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;

/**
 * The command line. Exit codes: 0 if all went well or the end was asked for, 1 with one line on standard error if the command
 * could not do its work, 2 if the command line is wrong.
 */
@Command(name = "drover", description = "Serves Mixture-of-Experts language models from a cluster of JVM nodes.", mixinStandardHelpOptions = true, versionProvider = Main.Version.class, synopsisSubcommandLabel = "COMMAND", footer = {
    "", "Also: drover plan ...   placement policies side by side on a recorded trace",
    "      drover bench ...  load generator and measurements", "", "drover COMMAND --help shows a command's options."})
public final class Main implements Runnable {
    private static final int FAILED = 1;
    private static final String PLAN = "plan";

    @CommandLine.Spec
    private CommandLine.Model.CommandSpec spec = CommandLine.Model.CommandSpec.create();

    private Main() {}

    /** Runs a command and leaves the JVM with its exit code. */
    public static void main(final String[] arguments) {
        final Termination termination = new Termination(true);
        final int code = run(arguments, System.out, System.err, termination);
        termination.finish(code);
        // checkstyle:off this is the command line's main
        System.exit(code);
        // checkstyle:on
    }

    static int run(final String[] arguments, final PrintStream out, final PrintStream err, final Termination termination) {
        if (arguments.length > 0 && arguments[0].equals(PLAN)) {
            return PlanCommand.run(Arrays.copyOfRange(arguments, 1, arguments.length), out, err);
        }
        final Console console = new Console(out);
        final CommandLine line = new CommandLine(new Main());
        line.addSubcommand(new ServeCommand(console, termination))
                .addSubcommand(new NodeCommand(console, termination))
                .addSubcommand(new StatusCommand(console))
                .addSubcommand(new RecordCommand(console, termination))
                .addSubcommand(new MovesCommand(console))
                .addSubcommand(new MoveCommand(console))
                .addSubcommand(new DrainCommand(console))
                .addSubcommand(new RebalanceCommand(console))
                .addSubcommand(new DriverCommand(console, termination))
                .addSubcommand(new RehearseCommand(console, termination));
        line.setCaseInsensitiveEnumValuesAllowed(true);
        line.setOut(new PrintWriter(out, true)).setErr(new PrintWriter(err, true));
        line.setExecutionExceptionHandler((failure, command, parsed) -> {
            err.println(Console.PREFIX + sentence(failure));
            return FAILED;
        });
        return line.execute(arguments);
    }

    @Override
    public void run() {
        throw new CommandLine.ParameterException(spec.commandLine(), "a command is missing");
    }

    /** What a user can act on is one sentence; anything else is a fault of this program, with its type. */
    private static String sentence(final Throwable failure) {
        return switch (failure) {
            case CommandException e -> e.getMessage();
            case StartException e -> e.getMessage();
            case SettingsException e -> e.getMessage();
            case CheckpointException e -> e.getMessage();
            case ConfigException e -> "the configuration is not usable: " + e.getMessage();
            case IOException e -> e.getMessage();
            case IllegalArgumentException e -> e.getMessage();
            case IllegalStateException e -> e.getMessage();
            case CompletionException e -> e.getCause() == null ? e.getMessage() : sentence(e.getCause());
            default -> "failed inside: " + failure;
        };
    }

    /** The build's version. */
    static final class Version implements IVersionProvider {
        @Override
        public String[] getVersion() {
            return new String[]{"drover " + Endpoints.version()};
        }
    }
}
