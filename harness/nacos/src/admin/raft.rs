//! What a node of a cluster with embedded storage says of the raft group that keeps configs (facts §5.4).
//!
//! Seen on 2.5.0 and 3.1.0: a node's own description carries `raftMetaData.metaDataMap`, by group, with `leader` and
//! `term`. Groups have leaders of their own; that of configs is `nacos_config`. A leader is named by the address of
//! its raft port.

use serde::Deserialize;

use super::{AdminClient, AdminError, publish};

/// The raft group that keeps configs.
const GROUP: &str = "nacos_config";

/// What a node says of the store of configs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RaftView {
    /// The node's own address in raft.
    pub own: String,
    /// The address of the leader, when the node knows one.
    pub leader: Option<String>,
    /// The term in which it leads; higher is newer.
    pub term: u64,
}

#[derive(Deserialize)]
struct Answer {
    data: Member,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Member {
    ip: String,
    extend_info: ExtendInfo,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ExtendInfo {
    raft_port: Port,
    raft_meta_data: Option<MetaData>,
}

/// A port, which 2.5.0 writes as a text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Port {
    Text(String),
    Number(u16),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MetaData {
    meta_data_map: std::collections::BTreeMap<String, Group>,
}

#[derive(Deserialize)]
struct Group {
    leader: Option<String>,
    term: Option<u64>,
}

impl AdminClient {
    /// What the node says of the cluster's store.
    ///
    /// # Errors
    /// [`AdminError`] for no answer, another one, and a node that is in no cluster with embedded storage.
    pub async fn raft(&self) -> Result<RaftView, AdminError> {
        const CALL: &str = "cluster self";
        let answer = self.ask_with_token(CALL, self.paths().cluster_self()).await?;
        let text = self.expect_ok(CALL, answer)?;
        view_of(&text).ok_or_else(|| AdminError::Unreadable {
            call: CALL,
            server: self.server().to_string(),
            text: publish::start_of(&text),
        })
    }
}

fn view_of(text: &str) -> Option<RaftView> {
    let Answer { data: Member { ip, extend_info } } = serde_json::from_str(text).ok()?;
    let mut groups = extend_info.raft_meta_data?.meta_data_map;
    let group = groups.remove(GROUP)?;
    let own = match extend_info.raft_port {
        Port::Text(port) => format!("{ip}:{port}"),
        Port::Number(port) => format!("{ip}:{port}"),
    };
    let leader = group.leader.filter(|leader| !leader.is_empty());
    Some(RaftView { own, leader, term: group.term.unwrap_or(0) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(group: &str) -> String {
        format!(
            r#"{{"code":200,"message":null,"data":{{"ip":"127.0.0.1","port":9848,"state":"UP","extendInfo":{{
            "lastRefreshTime":1795284343799,"raftMetaData":{{"metaDataMap":{{{group},
            "naming_persistent_service_v2":{{"leader":"127.0.0.1:8848","raftGroupMember":[],"term":2}}}}}},
            "raftPort":"8848","version":"2.5.0"}},"address":"127.0.0.1:9848"}}}}"#
        )
    }

    #[test]
    fn the_leader_is_that_of_the_configs_group() {
        let text = answer(r#""nacos_config":{"leader":"127.0.0.1:8858","raftGroupMember":[],"term":3}"#);
        let expected =
            RaftView { own: "127.0.0.1:8848".into(), leader: Some("127.0.0.1:8858".into()), term: 3 };
        assert_eq!(view_of(&text), Some(expected));
    }

    #[test]
    fn during_an_election_there_is_none() {
        let text = answer(r#""nacos_config":{"leader":null,"raftGroupMember":[],"term":4}"#);
        assert_eq!(view_of(&text).map(|view| (view.leader, view.term)), Some((None, 4)));
    }

    #[test]
    fn a_node_without_that_group_says_nothing() {
        assert_eq!(view_of(&answer(r#""locks":{"leader":"127.0.0.1:8858","term":3}"#)), None);
        assert_eq!(view_of(r#"{"code":200,"data":{"ip":"127.0.0.1","extendInfo":{"raftPort":"1"}}}"#), None);
    }
}
