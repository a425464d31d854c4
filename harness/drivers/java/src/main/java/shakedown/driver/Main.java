package shakedown.driver;

import com.fasterxml.jackson.core.JsonProcessingException;
import java.io.BufferedReader;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;

/**
 * Driver of nacos-client: real Java clients for the harness, by the driver protocol (harness/docs/driver-protocol.md).
 *
 * <p>Commands come on standard input, one line of JSON each; events go to standard output. This class reads the
 * commands and gives each to its client.
 */
public final class Main {

    /** The protocol gives 5 s; some of it is for what is still to be written. */
    private static final long CLOSE_WITHIN_SECONDS = 4;

    private final EventLog events;
    private final Map<Integer, Client> clients = new HashMap<>();
    private String cache;

    private Main(EventLog events) {
        this.events = events;
    }

    /** Serves commands until `stop` or the end of the input. */
    public static void main(String[] arguments) throws IOException, InterruptedException {
        var events = new EventLog(new FileOutputStream(FileDescriptor.out));
        // Whatever the SDK prints is no event.
        System.setOut(System.err);
        hello(events);
        var main = new Main(events);
        main.serve(new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8)));
        main.close();
        events.flush();
        // The SDK's threads and shutdown hooks would have it wait.
        Runtime.getRuntime().halt(0);
    }

    private static void hello(EventLog events) throws IOException {
        var built = new Properties();
        try (var resource = Main.class.getResourceAsStream("/driver.properties")) {
            built.load(resource);
        }
        events.add("hello", event -> event.put("protocol", 1)
                .put("driver", built.getProperty("name"))
                .put("sdk", "nacos-client")
                .put("sdk_version", built.getProperty("sdk.version"))
                .put("runtime", "java " + Runtime.version()));
    }

    private void serve(BufferedReader lines) throws IOException {
        for (var line = lines.readLine(); line != null; line = lines.readLine()) {
            if (line.isBlank()) {
                continue;
            }
            try {
                var command = Command.parse(line);
                if (command.name().equals("stop")) {
                    return;
                }
                take(command);
            } catch (JsonProcessingException | IllegalArgumentException notOne) {
                events.add("log", event -> event.put("message", "not a command: " + notOne.getMessage()));
            }
        }
    }

    /** Never waits for a server: each client has a thread of its own. */
    private void take(Command command) {
        if (command.name().equals("clock")) {
            events.add("clock", event -> { });
            return;
        }
        var known = clients.get(command.client());
        if (command.name().equals("start")) {
            if (known != null) {
                events.failed(command, "client " + command.client() + " is started already");
                return;
            }
            keepFilesIn(command.text("cache"), command.client());
            known = new Client(command.client(), events, cache);
            clients.put(command.client(), known);
        }
        if (known == null) {
            events.failed(command, "client " + command.client() + " was never started");
        } else {
            known.take(command);
        }
    }

    /** The SDK reads its folders from system properties, once: all clients of a process share the first one's. */
    private void keepFilesIn(String folder, int client) {
        if (cache == null) {
            cache = folder;
            System.setProperty("JM.SNAPSHOT.PATH", folder);
        } else if (!cache.equals(folder)) {
            events.add("log", event -> event.put("message",
                    "client " + client + " keeps its files in " + cache + ": JM.SNAPSHOT.PATH is one per process"));
        }
    }

    /** Ends the clients, all at once: one whose server is gone takes its time. */
    private void close() throws InterruptedException {
        ExecutorService closing = Executors.newCachedThreadPool();
        clients.values().forEach(client -> closing.execute(client::close));
        closing.shutdown();
        if (!closing.awaitTermination(CLOSE_WITHIN_SECONDS, TimeUnit.SECONDS)) {
            System.err.println("not every client ended within " + CLOSE_WITHIN_SECONDS + " s");
        }
    }
}
