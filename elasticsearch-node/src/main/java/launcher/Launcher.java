package launcher;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.lang.reflect.Method;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.elasticsearch.bootstrap.BootstrapInfo;
import org.elasticsearch.common.logging.LogConfigurator;
import org.elasticsearch.common.settings.KeyStoreWrapper;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.env.Environment;
import org.elasticsearch.node.InternalSettingsPreparer;
import org.elasticsearch.node.Node;
import org.elasticsearch.plugins.PluginBundle;
import org.elasticsearch.plugins.PluginsLoader;

/**
 * Starts one node: java -cp 'BUILD/lib/*' launcher.Launcher BUILD/modules HOME. Settings come from
 * HOME/config/elasticsearch.yml.
 *
 * <p>The first line of standard input is the built-in elastic user's first password: neither arguments nor environment
 * carry it, so no list of processes shows it. Standard input then is the lifeline: when it ends, because whoever started
 * the node closed it or died, the node stops.
 */
public class Launcher {
    private static final int SECONDS_TO_STOP = 20;

    public static void main(String[] args) throws Exception {
        char[] password = firstLine(System.in).toCharArray();
        exitAtEndOf(System.in);
        try {
            start(Path.of(args[0]).toAbsolutePath(), Path.of(args[1]).toAbsolutePath(), password);
        } catch (Throwable e) {
            e.printStackTrace();
            System.exit(1); // threads of a half-started node would keep the process
        }
        new CountDownLatch(1).await();
    }

    private static void start(Path modules, Path home, char[] password) throws Exception {
        Environment environment = environment(home, password);
        PluginsLoader plugins = PluginsLoader.createPluginsLoader(
            bundles("loadModulesBundles", modules),
            bundles("loadPluginsBundles", home.resolve("plugins")),
            Map.of(),
            false
        );
        Node node = new Node(environment, plugins);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> stop(node)));
        node.start();
    }

    private static Environment environment(Path home, char[] password) throws Exception {
        KeyStoreWrapper keystore = KeyStoreWrapper.create();
        keystore.setString("bootstrap.password", password);
        Settings settings = Settings.builder().put("path.home", home.toString()).setSecureSettings(keystore).build();
        LogConfigurator.registerErrorListener();
        Environment environment = InternalSettingsPreparer.prepareEnvironment(settings, Map.of(), home.resolve("config"), () -> "node");
        LogConfigurator.setNodeName(Node.NODE_NAME_SETTING.get(environment.settings()));
        LogConfigurator.configure(environment, true);
        BootstrapInfo.init();
        return environment;
    }

    private static String firstLine(InputStream input) throws IOException {
        ByteArrayOutputStream line = new ByteArrayOutputStream();
        for (int next = input.read(); next != '\n'; next = input.read()) {
            if (next < 0) {
                throw new IOException("standard input ended before the password's line did");
            }
            line.write(next);
        }
        return line.toString(StandardCharsets.UTF_8);
    }

    private static void exitAtEndOf(InputStream input) {
        inBackground(() -> {
            while (input.read() >= 0) {
                // whatever else comes has no meaning
            }
            System.exit(0);
        });
    }

    private static void stop(Node node) {
        inBackground(() -> {
            TimeUnit.SECONDS.sleep(SECONDS_TO_STOP);
            Runtime.getRuntime().halt(1);
        });
        try {
            node.close();
            node.awaitClose(SECONDS_TO_STOP, TimeUnit.SECONDS);
        } catch (IOException | InterruptedException e) {
            e.printStackTrace();
        }
    }

    private interface Task {
        void run() throws Exception;
    }

    private static void inBackground(Task task) {
        Thread thread = new Thread(() -> {
            try {
                task.run();
            } catch (Exception e) {
                e.printStackTrace();
            }
        });
        thread.setDaemon(true);
        thread.start();
    }

    /** 8.x takes the folder alone; 9.x also whether to skip what is missing. */
    @SuppressWarnings("unchecked")
    private static Set<PluginBundle> bundles(String loader, Path folder) throws Exception {
        for (Method method : PluginsLoader.class.getMethods()) {
            if (method.getName().equals(loader)) {
                return (Set<PluginBundle>) (method.getParameterCount() == 1 ? method.invoke(null, folder) : method.invoke(null, folder, false));
            }
        }
        throw new NoSuchMethodException(loader);
    }
}
