package shakedown.driver;

import com.alibaba.nacos.api.NacosFactory;
import com.alibaba.nacos.api.PropertyKeyConst;
import com.alibaba.nacos.api.config.ConfigService;
import com.alibaba.nacos.api.config.listener.AbstractListener;
import com.alibaba.nacos.api.exception.NacosException;
import java.util.ArrayList;
import java.util.Properties;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/** One client of the SDK, with its commands in the order in which they came. */
final class Client {

    private final int number;
    private final EventLog events;
    private final CacheFiles files;
    /** Starts and listens, one after the other. */
    private final ExecutorService inOrder = Executors.newSingleThreadExecutor(Client::daemon);
    /** Gets and publishes: each waits for the servers by itself. */
    private final ExecutorService atOnce = Executors.newCachedThreadPool(Client::daemon);
    private volatile ConfigService sdk;
    private volatile String namespace;

    Client(int number, EventLog events, String cache) {
        this.number = number;
        this.events = events;
        this.files = new CacheFiles(cache);
    }

    private static Thread daemon(Runnable work) {
        var thread = new Thread(work, "driver");
        thread.setDaemon(true);
        return thread;
    }

    /** Does what is told, later and elsewhere. */
    void take(Command command) {
        inOrder.execute(() -> attempt(command, () -> {
            switch (command.name()) {
                case "start" -> start(command);
                case "listen" -> listen(command);
                case "get" -> atOnce.execute(() -> attempt(command, () -> get(command)));
                case "publish" -> atOnce.execute(() -> attempt(command, () -> publish(command)));
                default -> events.failed(command, "`" + command.name() + "` is not a command");
            }
        }));
    }

    /** Something that the SDK may refuse. */
    private interface Attempt {
        void run() throws NacosException;
    }

    private void attempt(Command command, Attempt work) {
        if (sdk == null && !command.name().equals("start")) {
            events.failed(command, "the client did not start");
            return;
        }
        try {
            work.run();
        } catch (NacosException | RuntimeException refused) {
            events.failed(command, refused.toString());
        }
    }

    /** Makes the client as a stock user would: every time-out, retry and limit is the SDK's own. */
    private void start(Command command) throws NacosException {
        var servers = new ArrayList<String>();
        command.keys().path("servers").forEach(server -> servers.add(server.asText()));
        var properties = new Properties();
        properties.setProperty(PropertyKeyConst.SERVER_ADDR, String.join(",", servers));
        namespace = command.text("namespace");
        if (!namespace.isEmpty()) {
            properties.setProperty(PropertyKeyConst.NAMESPACE, namespace);
        }
        if (command.keys().hasNonNull("username")) {
            properties.setProperty(PropertyKeyConst.USERNAME, command.text("username"));
            properties.setProperty(PropertyKeyConst.PASSWORD, command.text("password"));
        }
        var made = NacosFactory.createConfigService(properties);
        events.add("started", event -> event.put("client", number));
        sdk = made;
    }

    private void listen(Command command) throws NacosException {
        var item = command.item();
        // Without an executor of its own, as most have it: the SDK calls it from its own thread.
        sdk.addListener(item.dataId(), item.group(), new AbstractListener() {
            @Override
            public void receiveConfigInfo(String content) {
                if (content == null) {
                    events.add("gone", event -> event.put("client", number).set("key", command.keys().get("key")));
                    return;
                }
                events.add("value", event -> {
                    event.put("client", number).set("key", command.keys().get("key"));
                    EventLog.content(event, content);
                    event.put("source", files.ofCallback(namespace, item, content).word());
                });
            }
        });
        events.add("listening", event -> event.put("client", number).set("key", command.keys().get("key")));
    }

    private void get(Command command) throws NacosException {
        var item = command.item();
        var before = files.before(namespace, item);
        var content = sdk.getConfig(item.dataId(), item.group(), command.keys().path("timeout_ms").asLong());
        events.add("got", event -> {
            event.put("client", number).set("id", command.keys().get("id"));
            EventLog.content(event, content);
            event.put("source", before.after(content).word());
        });
    }

    private void publish(Command command) throws NacosException {
        var item = command.item();
        if (!sdk.publishConfig(item.dataId(), item.group(), command.text("content"))) {
            events.failed(command, "the SDK answered with false");
            return;
        }
        events.add("published", event -> event.put("client", number).set("id", command.keys().get("id")));
    }

    /** Ends the client. */
    void close() {
        var made = sdk;
        if (made != null) {
            try {
                made.shutDown();
            } catch (NacosException refused) {
                System.err.println("client " + number + " did not end in order: " + refused);
            }
        }
    }
}
